import { type Channel, channelOf } from '../../channels/index.ts'
import { withContacts } from '../../domain/appointment.ts'
import { addressKey, contactOf } from '../../domain/effective.ts'
import type { Surroundings } from '../../domain/plan.ts'
import { NotificationError } from '../../errors.ts'
import type { Asked, Compile, MailFrame, Wording } from '../../messages/index.ts'
import type { IdKinds, IntentGuard, Party, PlanRow, PreferencesRow, SettingsRow } from '../../ports/storage.ts'
import type { AddressInput } from '../../schemas/address.ts'
import { channelsInUse } from '../../schemas/channel-settings.ts'
import { fieldInvalid, type RecipientRef, refKey, usualLocale } from '../../schemas/common.ts'
import type { Organization, Person } from '../../schemas/directory.ts'
import { loadNumberingPlans } from '../../schemas/phone-number.ts'
import { type HostPreferenceRef, type PreferenceRef, withoutContacts } from '../../schemas/preferences.ts'
import type { ProviderFault } from '../../schemas/rules.ts'
import type { Senders } from './accounts/providers.ts'
import type { Context, PlanningContext } from './context.ts'
import type { Lookups } from './directory/batch-reader.ts'
import { faultOf } from './fault-log.ts'
import { readRecipient } from './ids.ts'
import { KnownAddresses, type OwnAddress } from './known-addresses.ts'
import { frameOf, policyOf } from './settings-view.ts'

/** An appointment or a waitlist entry. */
type Subject = { readonly organizationId: string; readonly recipients: readonly Person[] }

/**
 * What planning and sending need to know about a batch of subjects, read once: settings, preferences, addresses and
 * organizations, with the revisions that guard an intent.
 */
export class Knowledge {
  readonly #context: PlanningContext
  readonly #settings: ReadonlyMap<string, SettingsRow>
  readonly #preferences: ReadonlyMap<string, PreferencesRow>
  readonly #addresses: KnownAddresses
  readonly #organization: Lookups<string, Organization>
  readonly #surroundings = new Map<string, Surroundings>()
  readonly #frames = new Map<string, MailFrame>()

  private constructor(
    context: PlanningContext,
    settings: ReadonlyMap<string, SettingsRow>,
    preferences: ReadonlyMap<string, PreferencesRow>,
    addresses: KnownAddresses,
    organization: Lookups<string, Organization>,
  ) {
    this.#context = context
    this.#settings = settings
    this.#preferences = preferences
    this.#addresses = addresses
    this.#organization = organization
  }

  /**
   * `organizations`: if already read; otherwise the directory is called. `supposed`: settings in place of those that are stored.
   * @throws NotificationError `directory_failed` or `directory_invalid` if the directory fails for all of them.
   */
  static async load(
    context: PlanningContext,
    subjects: readonly Subject[],
    organizations?: Lookups<string, Organization>,
    supposed: readonly SettingsRow[] = [],
  ): Promise<Knowledge> {
    const { storage } = context.options
    const organizationIds = [...new Set(subjects.map((subject) => subject.organizationId))]
    const refs = new Map<string, PreferenceRef>()
    for (const { recipients } of subjects) {
      for (const recipient of withContacts(recipients)) {
        const ref = preferenceRefOf(recipient)
        if (ref !== null) refs.set(refKey(ref), ref)
      }
    }
    const [settings, preferences, organization] = await Promise.all([
      storage.settings.get(organizationIds),
      storage.preferences.get([...refs.values()]),
      organizations ?? context.host.organizations(organizationIds),
      loadNumberingPlans(),
    ])
    const preferencesByRef = new Map(preferences.map((row) => [refKey(row.recipient), row]))
    const settingsOf = new Map([...settings, ...supposed].map((row) => [row.organizationId, row]))
    const asked = addressesOf(context, subjects, preferencesByRef, settingsOf)
    const addresses = await KnownAddresses.load(storage.addresses, asked)
    const knowledge = new Knowledge(context, settingsOf, preferencesByRef, addresses, organization)
    const failed = await context.languages.load(knowledge.#languagesOf(subjects))
    if (failed.length > 0) context.options.logger.error('texts not loaded', { languages: failed.join(' ') })
    return knowledge
  }

  /** For the pure rules of the domain. */
  surroundings(organizationId: string): Surroundings {
    let found = this.#surroundings.get(organizationId)
    if (found === undefined) {
      const settings = this.settings(organizationId)
      found = {
        policy: policyOf(settings),
        locale: this.organization(organizationId)?.locale ?? usualLocale,
        preferencesOf: (recipient) => preferencesWithin(organizationId, this.#preferences.get(refKey(recipient))),
        suppression: (channel, address) =>
          this.#addresses.suppression(ownAddress(this.#context, settings, organizationId, channel, address)),
        isHeard: (channel, address) => {
          const { content } = channelOf(channel)
          const withinMs = content.kind === 'approved' ? (content.free?.withinMs ?? 0) : 0
          const since = new Date(this.#context.options.clock.now().getTime() - withinMs)
          return this.#addresses.isHeard(ownAddress(this.#context, settings, organizationId, channel, address), since)
        },
        providerFault: (channel) => this.#context.providers.fault(settings, channel),
      }
      this.#surroundings.set(organizationId, found)
    }
    return found
  }

  /**
   * In what a message is written. A template is of the organization's language, and what is built in beside it too.
   * @param recipient language of the recipient; null: none, or the organization's.
   */
  wording(organizationId: string, recipient: string | null | undefined): Wording {
    return this.#context.languages.wording(this.#asked(organizationId, recipient))
  }

  /** How stored templates are compiled. */
  get compile(): Compile {
    return this.#context.options.compilers.stored
  }

  /** A stored template is broken in this process, and the built-in text goes out in its place. */
  templateFailed(organizationId: string, error: NotificationError): void {
    this.#context.options.logger.error('template broken, the built-in text is used', {
      organizationId,
      fault: faultOf(error),
    })
  }

  /** What links in texts begin with; null: there are none. */
  get linkBase(): string | null {
    return this.#context.links.base
  }

  #asked(organizationId: string, recipient: string | null | undefined): Asked {
    const organization = this.organization(organizationId)?.locale
    return { recipient, organization, enabled: this.surroundings(organizationId).policy.textLanguages }
  }

  *#languagesOf(subjects: readonly Subject[]): Generator<Asked> {
    for (const { organizationId, recipients } of subjects) {
      yield this.#asked(organizationId, null)
      for (const recipient of withContacts(recipients)) {
        const locale = this.localeOf(organizationId, recipient)
        if (locale) yield this.#asked(organizationId, locale)
      }
    }
  }

  /** The language that somebody chose, else the one that the directory has. */
  localeOf(organizationId: string, recipient: Person): string | null | undefined {
    return preferencesWithin(organizationId, this.#preferences.get(refKey(recipient)))?.textLanguage ?? recipient.locale
  }

  settings(organizationId: string): SettingsRow | null {
    return this.#settings.get(organizationId) ?? null
  }

  /** Null also if they were made while the id belonged to another organization. */
  preferences(recipient: RecipientRef, organizationId: string): PreferencesRow | null {
    const row = this.#preferences.get(refKey(recipient))
    return row?.organizationId === organizationId ? row : null
  }

  /** Null if the directory has no usable row of it. */
  organization(organizationId: string): Organization | null {
    const lookup = this.#organization(organizationId)
    return lookup.kind === 'known' ? lookup.value : null
  }

  /** What stands around the text of its mails; undefined: nothing. */
  frame(organizationId: string): MailFrame | undefined {
    const { policy } = this.surroundings(organizationId)
    if (policy.mailLayout === null) return undefined
    const frame =
      this.#frames.get(organizationId) ?? frameOf(this.#context.options, policy, this.organization(organizationId))
    if (frame !== undefined) this.#frames.set(organizationId, frame)
    return frame
  }

  /** Why the organization could not be read; null if it could. */
  organizationFault(organizationId: string): NotificationError | null {
    const lookup = this.#organization(organizationId)
    return lookup.kind === 'unanswered' ? lookup.error : null
  }

  /** Those that this process can send through on the channel, or why there is none. */
  senders(organizationId: string, channel: Channel): Senders | ProviderFault {
    return this.#context.providers.senders(this.settings(organizationId), channel)
  }

  /** What a decision about these recipients depends on. `to`: where a message goes by it. */
  guard(
    organizationId: string,
    recipients: readonly RecipientRef[],
    plan: PlanRow | null,
    to: { readonly channel: Channel; readonly address: string } | null = null,
  ): IntentGuard {
    const settings = this.settings(organizationId)
    return {
      address: to === null ? null : ownAddress(this.#context, settings, organizationId, to.channel, to.address),
      plan: plan === null ? null : { organizationId, appointmentId: plan.appointmentId, revision: plan.revision },
      settings: { organizationId, revision: settings?.revision ?? 0 },
      preferences: recipients
        .filter((recipient) => preferenceRefOf(recipient) !== null)
        .map((recipient) => ({ recipient, revision: this.#preferences.get(refKey(recipient))?.revision ?? 0 })),
    }
  }
}

/** An address of the organization. */
export const ownAddress = (
  { providers }: Pick<PlanningContext, 'providers'>,
  settings: SettingsRow | null,
  organizationId: string,
  channel: Channel,
  address: string,
): OwnAddress => ({
  organizationId,
  channel,
  address: addressKey(channel, address),
  isShared: providers.isShared(settings, channel),
})

/** An address that somebody wrote, in normal form. @throws NotificationError `invalid_input` for what is none. */
export async function readOwnAddress(
  context: Context,
  organizationId: string,
  { channel, address: text }: AddressInput,
): Promise<OwnAddress> {
  const [[settings = null]] = await Promise.all([
    context.options.storage.settings.get([organizationId]),
    loadNumberingPlans(),
  ])
  const { address: rules } = channelOf(channel)
  const read = rules.read(text, settings?.defaultCountry ?? null)
  if (read.address !== null) return ownAddress(context, settings, organizationId, channel, read.address)
  throw fieldInvalid('address', `must be ${rules.wanted}: it ${read.fault}`)
}

/** @throws NotificationError `invalid_input` for an invalid recipient, or one without preferences. */
export function preferenceRef(kinds: IdKinds, recipient: HostPreferenceRef): PreferenceRef {
  const ref = preferenceRefOf(readRecipient(kinds, recipient, 'recipient'))
  if (ref !== null) return ref
  throw new NotificationError(
    'invalid_input',
    'Practitioners have no preferences; the organization setting practitionerNotifications applies to them.',
    { field: 'type' },
  )
}

/**
 * Of preferences made while the id belonged to another organization, only the opt-outs apply: it may be the same person.
 * The addresses may be someone else's by now; the directory has the current ones.
 */
function preferencesWithin(organizationId: string, row: PreferencesRow | undefined): PreferencesRow | null {
  if (row === undefined || row.organizationId === organizationId) return row ?? null
  return withoutContacts(row)
}

/** Who got a message, as far as they have preferences; null: practitioners. */
export function personOf({ organizationId, recipient }: PersonOf): Party | null {
  const ref = preferenceRefOf(recipient)
  return ref === null ? null : { organizationId, recipient: ref }
}
type PersonOf = { readonly organizationId: string; readonly recipient: RecipientRef }

export function preferenceRefOf(recipient: RecipientRef): PreferenceRef | null {
  return recipient.type === 'PRACTITIONER' ? null : { type: recipient.type, id: recipient.id }
}

function* addressesOf(
  context: PlanningContext,
  subjects: readonly Subject[],
  preferences: ReadonlyMap<string, PreferencesRow>,
  settingsOf: ReadonlyMap<string, SettingsRow>,
): Generator<OwnAddress> {
  for (const { organizationId, recipients } of subjects) {
    const settings = settingsOf.get(organizationId) ?? null
    const policy = policyOf(settings)
    const channels = channelsInUse(policy)
    for (const recipient of withContacts(recipients)) {
      for (const channel of channels) {
        const own = preferencesWithin(organizationId, preferences.get(refKey(recipient)))
        const { address } = contactOf(channel, own, recipient, policy.defaultCountry)
        if (address !== null) yield ownAddress(context, settings, organizationId, channel, address)
      }
    }
  }
}
