import { z } from 'zod'
import type { Standing } from '../../domain/address.ts'
import { instant } from '../../ports/rows/ids.ts'
import type { Row } from '../../ports/rows/tables/tables.ts'
import type { AddressRow, Taken } from '../../ports/storage/addresses.ts'
import { entityId } from '../../schemas/common.ts'
import { inboundReplies } from '../../schemas/vocabulary.ts'

type StandingColumns = Pick<
  Row<'notification_addresses'>,
  'suppressed_at' | 'suppression_cause' | 'suppression_code' | 'lifted_at'
>

export const decodeStanding = (row: StandingColumns): Standing => ({
  suppression:
    row.suppressed_at === null || row.suppression_cause === null
      ? null
      : { cause: row.suppression_cause, since: new Date(row.suppressed_at), code: row.suppression_code ?? '' },
  liftedAt: instant(row.lifted_at),
})

export const decodeTaken = ({ taken }: Pick<Row<'notification_addresses'>, 'taken'>): readonly Taken[] =>
  taken === null ? [] : takenList.parse(JSON.parse(taken))

export const decodeAnswered = ({
  answered,
}: Pick<Row<'notification_addresses'>, 'answered'>): AddressRow['answered'] =>
  answered === null ? {} : answeredTimes.parse(JSON.parse(answered))

const answeredTimes = z.partialRecord(z.enum(inboundReplies), z.coerce.date())

const takenList = z.array(
  z.object({
    organizationId: z.string(),
    recipient: z.object({ type: z.enum(['PATIENT', 'CLIENT']), id: entityId }),
    enabled: z.boolean().nullable(),
  }),
)

export const decodeAddress = (row: Row<'notification_addresses'>): AddressRow => ({
  id: row.id,
  organizationId: row.organization_id,
  channel: row.channel,
  address: row.address,
  lastWorkedAt: instant(row.last_worked_at),
  unknownSince: instant(row.unknown_since),
  ...decodeStanding(row),
  provenAt: instant(row.proven_at),
  heardAt: instant(row.heard_at),
  answered: decodeAnswered(row),
  taken: decodeTaken(row),
  createdAt: new Date(row.created_at),
  updatedAt: new Date(row.updated_at),
})
