import { z } from 'zod'
import { channelOf } from '../../channels/index.ts'
import { addressKey } from '../../domain/effective.ts'
import { addressInput } from '../../schemas/address.ts'
import { type Actor, actorSchema, recipientTarget, serviceActor } from '../../schemas/audit.ts'
import { fieldInvalid, type HostRef, organizationId, parseField, parseInput } from '../../schemas/common.ts'
import { loadNumberingPlans } from '../../schemas/phone-number.ts'
import type { Context } from '../shared/context.ts'
import { readRecipient } from '../shared/ids.ts'
import { Erasure, type ErasureReport } from './erasure.ts'
import { exportPage, type RecipientExport } from './export.ts'
import { type RetentionCounts, retain, retentionDryRun } from './retention.ts'
import { type KeyReport, keyReport, type RotationReport, rotateKeys } from './rotation.ts'

const erasureOptions = z.strictObject({ contactAddresses: z.array(addressInput).max(20).optional() })
/** `contactAddresses`: where the person was written to in the place of others; phone numbers with their country (`+1...`). At most 20. */
export type ErasureOptions = z.input<typeof erasureOptions>

/**
 * What is kept of persons, and for how long.
 *
 * Beside the errors it names, every method may throw a NotificationError `invalid_input` for an argument that is not valid (`field`
 * names it), and `storage_busy`, `storage_failed`, `storage_closed` or `migration_missing`.
 */
export class Privacy {
  readonly #context: Context
  readonly #actor: Actor

  constructor(context: Context, actor: Actor = serviceActor) {
    this.#context = context
    this.#actor = actor
  }

  /** The same, acting for `actor` in the audit log: `as({ kind: 'staff', id: 7 })`. Checks no permissions. */
  as(actor: Actor): Privacy {
    return new Privacy(this.#context, parseInput(actorSchema, actor, 'actor'))
  }

  /**
   * A page of all that is held about a patient, client or practitioner, of all organizations: ask with the `nextCursor` of each page
   * for the next one, until it is null. Pages may be empty before the last. Audited once in each
   * organization that something is held of, when its first row is given.
   */
  async exportRecipient(
    recipient: HostRef,
    options: { readonly cursor?: string | undefined } = {},
  ): Promise<RecipientExport> {
    const ref = readRecipient(this.#context.options.ids, recipient, 'recipient')
    const { storage, clock } = this.#context.options
    return exportPage(this.#context, ref, options.cursor, (organizationId) =>
      storage.audit.append({
        organizationId,
        at: clock.now(),
        actor: this.#actor,
        action: 'recipient.exported',
        target: recipientTarget(ref),
        detail: {},
      }),
    )
  }

  /**
   * Erases a patient, client or practitioner, of all organizations: cancels what is pending, deletes preferences, and blanks addresses,
   * texts and other data in what stays; ids, kinds, states and times stay, and statistics do not change. Addresses that nothing may be sent to are
   * kept as hashes, so that somebody who refused messages gets none after this either. A message to somebody else that names the
   * person loses its text. Works in small steps; if it fails or the process dies, call it again.
   *
   * Messages that somebody got in the place of others, by `contactOrder`, have those as their recipients: to erase a guardian or an
   * emergency contact, name `contactAddresses`. Every message that went there is erased then, whomever it was for.
   *
   * Delete the person in your directory before: the library plans for whom it finds there.
   * @throws NotificationError `encryption_key_missing`: an address is to be kept as a hash, which needs an encryption key.
   */
  async eraseRecipient(recipient: HostRef, options: ErasureOptions = {}): Promise<ErasureReport> {
    const ref = readRecipient(this.#context.options.ids, recipient, 'recipient')
    const { contactAddresses = [] } = parseInput(erasureOptions, options, 'options')
    await loadNumberingPlans()
    const addresses = contactAddresses.map(({ channel, address: text }) => {
      const { address: rules } = channelOf(channel)
      const read = rules.read(text, null)
      if (read.address === null) throw fieldInvalid('contactAddresses', `${channel}: ${rules.wanted}: it ${read.fault}`)
      return { channel, address: addressKey(channel, read.address) }
    })
    return new Erasure(this.#context, ref, this.#actor, addresses).run()
  }

  /** How many rows the setting `retention` would blank or remove now, by kind; of one organization, or of all. Changes nothing. */
  async retentionDryRun(options: { readonly organizationId?: string | undefined } = {}): Promise<RetentionCounts> {
    const { organizationId: id = null } = options
    return retentionDryRun(this.#context, parseField(organizationId.nullable(), id, 'organizationId'))
  }

  /**
   * Blanks and removes now what organizations keep no longer, as it is done once a day after `start()`. Null: another process is at it. An
   * interrupted run is continued by the next one, and the counts cover both.
   */
  async applyRetention(): Promise<RetentionCounts | null> {
    return retain(this.#context)
  }

  /**
   * Seals all stored secrets anew that an older key of the option `encryptionKey` sealed. Call it when every process has the new key
   * first; when `underOldKeys` is 0, the old key can go. An interrupted run is continued by the next one.
   * @throws NotificationError `encryption_key_missing`; `conflict`: another process is at it.
   */
  async rotateKeys(): Promise<RotationReport> {
    return rotateKeys(this.#context)
  }

  /** How many secrets are sealed by which keys. */
  async keys(): Promise<KeyReport> {
    return keyReport(this.#context)
  }
}
