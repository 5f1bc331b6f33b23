import { type Channel, channels } from '../../channels/index.ts'
import { effectiveFor } from '../../domain/plan.ts'
import { NotificationError } from '../../errors.ts'
import type { Party, ReplanScope } from '../../ports/storage.ts'
import type { Actor } from '../../schemas/audit.ts'
import {
  channelsInUse,
  nameOf as nameAt,
  patched,
  preferencePlace,
  valueAt,
  withValueAt,
} from '../../schemas/channel-settings.ts'
import { parseInput, type Warning } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import type { Profile } from '../../schemas/directory.ts'
import type { Country } from '../../schemas/phone-number.ts'
import {
  emptyPreferences,
  type HostPreferenceRef,
  type PreferenceRef,
  type Preferences,
  type PreferencesInput,
  type PreferencesValues,
  preferencesInput,
} from '../../schemas/preferences.ts'
import { categories } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import { Knowledge, preferenceRef } from '../shared/knowledge.ts'
import { nameOf, preferencesNotFound, recipientNotFound } from '../shared/not-found.ts'
import { isWithin, type Scope } from '../shared/owners.ts'
import { contactIn, peopleAt } from '../shared/people.ts'
import { showPreferences } from '../shared/settings-view.ts'
import { suppressedAddresses } from './addresses.ts'
import { beginProof, type ProofResult } from './contact-proof.ts'
import type { EffectivePreferences } from './effective.ts'
import { withAddresses } from './written-numbers.ts'

/** A value, with warnings about what was accepted but may be a mistake. */
export type WithWarnings<T> = T & { readonly warnings: readonly Warning[] }

/** Preferences of patients and clients, for `SettingsService`. */
export class RecipientPreferences {
  readonly #context: Context
  readonly #actor: Actor
  readonly #scope: Scope

  constructor(context: Context, actor: Actor, scope: Scope) {
    this.#context = context
    this.#actor = actor
    this.#scope = scope
  }

  async create(recipient: HostPreferenceRef, input: PreferencesInput): Promise<WithWarnings<Preferences>> {
    const ref = preferenceRef(this.#context.options.ids, recipient)
    const given = parseInput(preferencesInput, input, 'notification preferences')
    const { input: parsed, unproven } = this.#withoutUnproven(given)
    const { organizationId } = await this.#requireRecipient(ref)
    const { storage, clock } = this.#context.options
    const { values: patch, warnings } = await withAddresses(parsed, await this.#countryOf(organizationId))
    const values = patched(emptyPreferences, definedOnly(patch))
    const row = await storage.preferences.create(
      organizationId,
      ref,
      values,
      scope(organizationId, ref),
      clock.now(),
      this.#actor,
    )
    if (row === null) {
      throw new NotificationError(
        'already_exists',
        `${nameOf(ref)} already has notification preferences; update them instead.`,
        { field: 'recipient' },
      )
    }
    this.#context.replanQueued()
    const ofAddresses = await suppressedAddresses(this.#context, organizationId, patch)
    const ofProofs = await this.#prove(organizationId, ref, unproven)
    return { ...showPreferences(row), warnings: [...warnings, ...ofAddresses, ...ofProofs] }
  }

  async get(recipient: HostPreferenceRef): Promise<Preferences> {
    const ref = preferenceRef(this.#context.options.ids, recipient)
    const [row] = await this.#context.options.storage.preferences.get([ref])
    if (row === undefined || !isWithin(this.#scope, row)) throw preferencesNotFound(ref)
    return showPreferences(row)
  }

  async update(
    recipient: HostPreferenceRef,
    input: PreferencesInput,
  ): Promise<WithWarnings<Preferences> & { readonly inFlight: number }> {
    const ref = preferenceRef(this.#context.options.ids, recipient)
    const { input: parsed, unproven } = this.#withoutUnproven(
      parseInput(preferencesInput, input, 'notification preferences'),
    )
    const updated = await this.write(ref, parsed)
    const ofProofs = await this.#prove(updated.organizationId, ref, unproven)
    return { ...updated, warnings: [...updated.warnings, ...ofProofs] }
  }

  /** The same, with addresses that are known to be the person's. */
  async write(
    ref: PreferenceRef,
    parsed: PreferencesInput,
  ): Promise<WithWarnings<Preferences> & { readonly inFlight: number }> {
    const { storage, clock } = this.#context.options
    const [before] = await storage.preferences.get([ref])
    const isThere = before !== undefined && isWithin(this.#scope, before)
    const organizationId = isThere ? before.organizationId : await this.#createEmpty(ref)
    const { values, warnings } = await withAddresses(parsed, await this.#countryOf(organizationId))
    const patch = definedOnly(values)
    const replan = Object.keys(patch).length === 0 ? null : scope(organizationId, ref)
    const updated = await storage.preferences.update(ref, patch, replan, clock.now(), this.#actor)
    if (updated === null) throw preferencesNotFound(ref)
    await this.#reach({ organizationId, recipient: ref }, patch)
    if (replan !== null) this.#context.replanQueued()
    const ofAddresses = await suppressedAddresses(this.#context, organizationId, patch)
    return { ...showPreferences(updated.row), warnings: [...warnings, ...ofAddresses], inFlight: updated.inFlight }
  }

  async effective(recipient: HostPreferenceRef): Promise<EffectivePreferences> {
    const ref = preferenceRef(this.#context.options.ids, recipient)
    const profile = await this.#requireRecipient(ref)
    const { organizationId } = profile
    const knowledge = await Knowledge.load(this.#context, [{ organizationId, recipients: [profile] }])
    const surroundings = knowledge.surroundings(organizationId)
    const row = knowledge.preferences(ref, organizationId)
    return {
      recipient: ref,
      organizationId,
      preferences: row === null ? null : showPreferences(row),
      decisions: categories.flatMap((category) =>
        channelsInUse(surroundings.policy).map((channel) => ({
          category,
          channel,
          ...effectiveFor(surroundings, profile, category, channel),
        })),
      ),
    }
  }

  /** A person who switches a channel on wants messages there, whatever was said before by the address that the directory has. */
  async #reach(party: Party, patch: Partial<PreferencesValues>): Promise<void> {
    if (this.#actor.kind !== 'patient' && this.#actor.kind !== 'client') return
    const { storage, clock } = this.#context.options
    for (const channel of channels) {
      const isOn = valueAt(patch, preferencePlace(channel, 'enabled')) === true
      const address = isOn ? await contactIn(this.#context, party, channel, 'directory') : null
      if (address === null || address === 'unknown') continue
      await storage.consents.change({
        ...{ act: 'given', how: 'api', wording: null, at: clock.now(), by: this.#actor },
        people: [party],
        others: await peopleAt(this.#context, { channel, address }, party.organizationId),
        channels: [channel],
        categories: null,
        addresses: [{ organizationId: party.organizationId, channel, address }],
        cause: 'stop',
        code: 'recorded',
        onlyTaken: false,
        inbound: null,
      })
    }
  }

  /** Of an address that a patient or client gives nobody knows whose it is; from staff and the host it is used at once. */
  #withoutUnproven(input: PreferencesInput): {
    readonly input: PreferencesInput
    readonly unproven: readonly Unproven[]
  } {
    if (this.#actor.kind !== 'patient' && this.#actor.kind !== 'client') return { input, unproven: [] }
    return channels.reduce<{ readonly input: PreferencesInput; readonly unproven: readonly Unproven[] }>(
      (sofar, channel) => {
        const place = preferencePlace(channel, 'address')
        const written = valueAt(sofar.input, place)
        if (typeof written !== 'string') return sofar
        const unproven = [...sofar.unproven, { channel, written, field: nameAt(place) }]
        return { input: withValueAt(sofar.input, place, undefined), unproven }
      },
      { input, unproven: [] },
    )
  }

  /** Sends a link to each. */
  async #prove(organizationId: string, ref: PreferenceRef, unproven: readonly Unproven[]): Promise<Warning[]> {
    const warnings: Warning[] = []
    for (const { channel, written, field } of unproven) {
      const result = await beginProof(this.#context, { organizationId, ref, channel, written })
      warnings.push({ field, code: 'contact_unproven', message: proofWords[result] })
    }
    return warnings
  }

  /**
   * Preferences that change nothing, to be changed: whoever opts out learns how many messages are under way. Gives the organization.
   * Where somebody else creates some meanwhile, these stand.
   */
  async #createEmpty(ref: PreferenceRef): Promise<string> {
    const { storage, clock } = this.#context.options
    const { organizationId } = await this.#requireRecipient(ref)
    await storage.preferences.create(organizationId, ref, emptyPreferences, null, clock.now(), this.#actor)
    return organizationId
  }

  async #requireRecipient(ref: PreferenceRef): Promise<Profile> {
    const profile = await this.#context.host.recipient(ref)
    if (profile !== null && isWithin(this.#scope, profile)) return profile
    throw recipientNotFound(ref)
  }

  /** The country of numbers without a country code; null: the organization names none. */
  async #countryOf(id: string): Promise<Country | null> {
    const [row] = await this.#context.options.storage.settings.get([id])
    return row?.defaultCountry ?? null
  }
}

type Unproven = { readonly channel: Channel; readonly written: string; readonly field: string }

const proofWords = {
  sent: 'was sent a message with a link, and is used once the person confirms it there; until then the one before is',
  later: 'is not used: enough addresses were tried today',
  unsent:
    'is not used: no message with a link can be sent there to prove it, which needs the option "publicUrl", an encryption key, and a provider',
} as const satisfies Record<ProofResult, string>

const scope = (id: string, recipient: PreferenceRef): ReplanScope => ({ organizationId: id, recipient })
