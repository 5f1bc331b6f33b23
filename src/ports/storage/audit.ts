import type { Actor, AuditAction, AuditDetail, AuditRecord, AuditTarget } from '../../schemas/audit.ts'

/** An entry to add to the audit log. */
export type NewAudit = {
  readonly organizationId: string
  readonly at: Date
  readonly actor: Actor
  readonly action: AuditAction
  readonly target: AuditTarget | null
  readonly detail: AuditDetail
}

/** Which entries of the audit log to list, newest first. */
export type AuditQuery = {
  readonly organizationId: string
  readonly action?: AuditAction
  /** Inclusive. */
  readonly from?: Date
  readonly to?: Date
  /** Rows after the one with this id, which are older. */
  readonly before?: number
  readonly limit: number
}

/** A command of `src/records`, which `Storage.carry` carries out. */
export interface AuditCommands {
  /** For what changes no rows by itself. */
  append(entry: NewAudit): Promise<void>
}

/**
 * Append-only: who changed what, and who triggered each message. Rows are written by the commands that change, in their
 * transactions: a change and its row are there together or not at all.
 */
export interface AuditStore {
  /** Newest first, by (at, id). */
  list(query: AuditQuery): Promise<AuditRecord[]>
}
