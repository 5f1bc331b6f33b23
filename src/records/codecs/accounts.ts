import type { Row } from '../../ports/rows/tables/tables.ts'
import type { AccountRow, RefuseCommand } from '../../ports/storage/accounts.ts'
export const decodeAccount = (row: Row<'notification_accounts'>): AccountRow => ({
  account: row.account,
  organizationId: row.organization_id,
  channel: row.channel,
  provider: row.provider,
  code: row.code,
  pausedSince: new Date(row.paused_since),
  refusals: row.refusals,
  probeAt: new Date(row.probe_at),
})

export const encodeRefusal = ({
  account,
  organizationId,
  channel,
  provider,
  code,
  at,
  probeAt,
  ...command
}: RefuseCommand) => ({
  account,
  organization_id: organizationId,
  channel,
  provider,
  code,
  paused_since: at.getTime(),
  probe_at: probeAt.getTime(),
  seen: command.seenRefusals,
})
