import { z } from 'zod'
import { type AuditRecord, auditActions } from '../../schemas/audit.ts'
import { organizationId, parseField, parseInput, rowId } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { instantInput } from '../../schemas/instant.ts'
import type { Context } from '../shared/context.ts'

export const auditFilter = z.strictObject({
  /** Only entries with this action. Default: every action. */
  action: z.enum(auditActions).optional().describe('Only entries of this action'),
  /** Only entries at or after this instant. */
  startDate: instantInput.optional().describe('Only entries at or after this instant'),
  /** Only entries at or before this instant. */
  endDate: instantInput.optional().describe('Only entries at or before this instant'),
  /** Page size, 1 to 200. Default 50. */
  limit: z.int().min(1).max(200).optional().describe('Page size. Default 50'),
  /** `nextCursor` of the previous page. Default: the newest entries. */
  cursor: rowId.optional().describe('`next_cursor` of the previous page'),
})
/** Which entries of the audit log to list. */
export type AuditFilter = z.infer<typeof auditFilter>

/** A page of the audit log, newest first. */
export type AuditPage = {
  readonly entries: readonly AuditRecord[]
  /** `cursor` of the next page; null on the last. */
  readonly nextCursor: number | null
}

const defaultLimit = 50

/** Who changed what in an organization, and who triggered each message. Append-only; holds no secrets, contacts or texts. */
export class AuditLog {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /**
   * The entries of an organization, newest first.
   * @throws NotificationError `invalid_input`, or one of the `storage_*` errors.
   */
  async list(organization: string, filter: AuditFilter = {}): Promise<AuditPage> {
    const id = parseField(organizationId, organization, 'organizationId')
    const { limit = defaultLimit, cursor, startDate, endDate, action } = parseInput(auditFilter, filter, 'filter')
    const rows = await this.#context.options.storage.audit.list({
      organizationId: id,
      ...definedOnly({ action, before: cursor, from: startDate, to: endDate }),
      // One extra row shows whether there is a next page.
      limit: limit + 1,
    })
    const entries = rows.slice(0, limit)
    return { entries, nextCursor: rows.length > limit ? (entries.at(-1)?.id ?? null) : null }
  }
}
