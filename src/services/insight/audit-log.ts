import { z } from 'zod'
import { type AuditRecord, auditActions } from '../../schemas/audit.ts'
import { organizationId, parseField, parseInput, rowId } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { instantInput } from '../../schemas/instant.ts'
import type { Context } from '../shared/context.ts'

export const auditFilter = z.strictObject({
  action: z.enum(auditActions).optional().describe('Only entries of this action'),
  startDate: instantInput.optional().describe('Only entries at or after this instant'),
  endDate: instantInput.optional().describe('Only entries at or before this instant'),
  limit: z.int().min(1).max(200).optional().describe('Page size. Default 50'),
  cursor: rowId.optional().describe('`next_cursor` of the previous page'),
})
export type AuditFilter = z.infer<typeof auditFilter>

export type AuditPage = {
  readonly entries: readonly AuditRecord[]
  /** For `cursor` of the next page; null on the last. */
  readonly nextCursor: number | null
}

const defaultLimit = 50

/** Who changed what in an organization, and who triggered each message. Append-only; holds no secrets, contacts or texts. */
export class AuditLog {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** Newest first. */
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
