import type { Row } from '../../ports/rows/tables/tables.ts'
import type { AccountRow, PreviousAccount, RefuseCommand, WaitingWork } from '../../ports/storage/accounts.ts'

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

export const decodePrevious = (row: Row<'notification_previous_accounts'>): PreviousAccount => ({
  accountId: row.account_id,
  organizationId: row.organization_id,
  channel: row.channel,
  account: JSON.parse(row.account),
  expiresAt: new Date(row.expires_at),
})

export const encodePrevious = ({ accountId, organizationId, channel, account, expiresAt }: PreviousAccount) => ({
  account_id: accountId,
  organization_id: organizationId,
  channel,
  account: JSON.stringify(account),
  expires_at: expiresAt.getTime(),
})

export const decodeWaiting = ({ work, work_id: id, due_at }: Row<'notification_waiting'>): WaitingWork => ({
  work,
  id,
  dueAt: new Date(due_at),
})
