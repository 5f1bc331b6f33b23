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

const erasureOptions = z.strictObject({
  /**
   * Addresses (at most 20) to which messages for others were sent, because the person is their contact; phone numbers with
   * country code (`+1...`). Default: none.
   */
  contactAddresses: z.array(addressInput).max(20).optional(),
})
/** Options of `eraseRecipient()`. */
export type ErasureOptions = z.input<typeof erasureOptions>

/**
 * Export and erasure of personal data, retention, and encryption keys.
 *
 * Besides the errors listed, every method may reject with NotificationError `invalid_input` for an invalid argument (`field`
 * names it), `storage_busy`, `storage_failed`, `storage_closed` or `migration_missing`.
 */
export class Privacy {
  readonly #context: Context
  readonly #actor: Actor

  constructor(context: Context, actor: Actor = serviceActor) {
    this.#context = context
    this.#actor = actor
  }

  /** The same service, acting for `actor` in the audit log: `as({ kind: 'staff', id: 7 })`. Checks no permissions. */
  as(actor: Actor): Privacy {
    return new Privacy(this.#context, parseInput(actorSchema, actor, 'actor'))
  }

  /**
   * A page of all data held about a patient, client or practitioner, in all organizations. Call it with the `nextCursor` of
   * each page until that is null; a page before the last may be empty. The audit log of each organization concerned records
   * the export once.
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
   * Erases a patient, client or practitioner, in all organizations: cancels pending messages, deletes preferences, and
   * blanks addresses, texts and other data in the rows that stay. Ids, kinds, states and times stay, and statistics do not
   * change. Suppressed addresses are kept as hashes, so that somebody who refused messages gets none later. A message to
   * somebody else that names the person loses its text. Works in small steps; if it fails or the process dies, call it
   * again.
   *
   * Delete the person in your directory first: otherwise the library plans messages for them again.
   *
   * Messages that a guardian or emergency contact got in place of others (`contactOrder`) belong to those others. To erase
   * such a contact, also give `contactAddresses`: every message sent to these addresses is erased, whomever it was for.
   * @throws NotificationError `encryption_key_missing`: an address has to be kept as a hash, which requires an encryption
   * key.
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

  /**
   * How many rows the setting `retention` would blank or remove now, by kind; of one organization, or of all. Writes
   * nothing.
   */
  async retentionDryRun(options: { readonly organizationId?: string | undefined } = {}): Promise<RetentionCounts> {
    const { organizationId: id = null } = options
    return retentionDryRun(this.#context, parseField(organizationId.nullable(), id, 'organizationId'))
  }

  /**
   * Blanks and removes now what is past its retention time; after `start()` this is done once a day. Resolves with the
   * number of rows by kind, or null if another process is doing it. Continues an interrupted run; the numbers cover both.
   */
  async applyRetention(): Promise<RetentionCounts | null> {
    return retain(this.#context)
  }

  /**
   * Encrypts all secrets again that were encrypted with an older key of the option `encryptionKey`. Call it when every
   * process has the new key as its first. When `underOldKeys` is 0, you can remove the old key. Continues an interrupted
   * run.
   * @throws NotificationError `encryption_key_missing`; `conflict`: another process is doing it.
   */
  async rotateKeys(): Promise<RotationReport> {
    return rotateKeys(this.#context)
  }

  /** How many secrets are encrypted with which keys. */
  async keys(): Promise<KeyReport> {
    return keyReport(this.#context)
  }
}
