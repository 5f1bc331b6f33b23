import type { Tx } from './tx.ts'

/** Lists work that was put off until `dueAt`, so that it can be released when the account is well again. */
export function wait(
  tx: Tx,
  account: string,
  work: 'reminder' | 'delivery',
  row: { readonly id: number; readonly organization_id: string },
  dueAt: Date,
): void {
  const entry = { account, due_at: dueAt.getTime(), work, work_id: row.id, organization_id: row.organization_id }
  tx.statements.accounts.wait.run(entry)
}
