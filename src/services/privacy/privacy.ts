import { type Actor, actorSchema, recipientTarget, serviceActor } from '../../schemas/audit.ts'
import { type HostRef, organizationId, parseField, parseInput } from '../../schemas/common.ts'
import type { Planner } from '../planning/planner.ts'
import { Scheduling } from '../planning/scheduling.ts'
import type { Context } from '../shared/context.ts'
import { readRecipient } from '../shared/ids.ts'
import { Erasure, type ErasureReport } from './erasure.ts'
import { exportPage, type RecipientExport } from './export.ts'
import { type RetentionCounts, retain, retentionDryRun } from './retention.ts'
import { type KeyReport, keyReport, type RotationReport, rotateKeys } from './rotation.ts'

/**
 * What is kept of persons, and for how long.
 *
 * Beside the errors it names, every method may throw a NotificationError `invalid_input` for an argument that is not valid (`field`
 * names it), and `storage_busy`, `storage_failed`, `storage_closed` or `migration_missing`.
 */
export class Privacy {
  readonly #context: Context
  readonly #planner: Planner
  readonly #actor: Actor

  constructor(context: Context, planner: Planner, actor: Actor = serviceActor) {
    this.#context = context
    this.#planner = planner
    this.#actor = actor
  }

  /** The same, acting for `actor` in the audit log: `as({ kind: 'staff', id: 7 })`. Checks no permissions. */
  as(actor: Actor): Privacy {
    return new Privacy(this.#context, this.#planner, parseInput(actorSchema, actor, 'actor'))
  }

  /**
   * A page of all that is held about a patient, client or practitioner, of all organizations: ask with the `nextCursor` of each page
   * for the next one, until it is null. Pages may be empty before the last. The first page is audited.
   */
  async exportRecipient(
    recipient: HostRef,
    options: { readonly cursor?: string | undefined } = {},
  ): Promise<RecipientExport> {
    const ref = readRecipient(this.#context.options.ids, recipient, 'recipient')
    const page = await exportPage(this.#context, ref, options.cursor)
    if (options.cursor !== undefined) return page
    const { storage, clock } = this.#context.options
    const owners = [page.preferences, ...page.messages, ...page.reminders].flatMap((one) => one?.organizationId ?? [])
    for (const id of new Set(owners)) {
      const entry = {
        organizationId: id,
        at: clock.now(),
        actor: this.#actor,
        target: recipientTarget(ref),
        detail: {},
      }
      await storage.audit.append({ ...entry, action: 'recipient.exported' })
    }
    return page
  }

  /**
   * Erases a patient, client or practitioner, of all organizations: cancels what is pending, deletes preferences, and blanks addresses,
   * texts and other data in what stays; ids, kinds, states and times stay, and statistics do not change. Addresses that nothing may be sent to are
   * kept as hashes, so that somebody who refused messages gets none after this either. A message to somebody else that names the
   * person loses its text. Works in small steps; if it fails or the process dies, call it again.
   *
   * Delete the person in your directory before: the library plans for whom it finds there.
   * @throws NotificationError `encryption_key_missing`: an address is to be kept as a hash, which needs an encryption key.
   */
  async eraseRecipient(recipient: HostRef): Promise<ErasureReport> {
    const ref = readRecipient(this.#context.options.ids, recipient, 'recipient')
    const scheduling = new Scheduling(this.#context, this.#planner, this.#actor, null)
    return new Erasure(this.#context, this.#context.hashes, ref, this.#actor).run(scheduling)
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
