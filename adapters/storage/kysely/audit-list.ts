import type { AuditQuery, AuditRecord } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { type Reader, readPlaces } from './merged-list.ts'
import type { Branch, List } from './statements/branches.ts'

const audit: List = { table: 'notification_audit', time: 'at' }

async function branchesOf(reader: Reader, { organizationId, action }: AuditQuery): Promise<readonly Branch[]> {
  const whole: Branch = { equals: { organization_id: organizationId } }
  if (action !== undefined) return [{ equals: { ...whole.equals, action } }]
  const found = await reader.ask(({ builder, lists, dialect }) =>
    lists.combinationsOf(builder, audit, whole, ['action'], dialect),
  )
  return found.map((values) => ({ equals: { ...whole.equals, ...values } }))
}

const rowsOf = (reader: Reader, ids: readonly number[]) =>
  ids.length === 0 ? Promise.resolve([]) : reader.ask(({ builder, lists }) => lists.auditRows(builder, ids))

/** The cursor is a row: rows are never removed, so it says where the page before ended. */
export async function listAudit(reader: Reader, query: AuditQuery): Promise<AuditRecord[]> {
  const { before, from, to, limit } = query
  const [last] = before === undefined ? [] : await rowsOf(reader, [before])
  if (before !== undefined && last === undefined) return []
  const branches = await branchesOf(reader, query)
  if (branches.length === 0) return []
  const span = { from: from?.getTime(), to: to?.getTime(), after: last }
  const places = await readPlaces(reader, { list: audit, branches, span }, { limit, offset: 0 })
  const ids = places.map(({ id }) => id)
  const rowOf = new Map((await rowsOf(reader, ids)).map((row) => [row.id, row]))
  return ids.flatMap((id) => rowOf.get(id) ?? []).map(records.decodeAudit)
}
