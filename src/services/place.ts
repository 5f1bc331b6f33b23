import type { NotificationError } from '../errors.ts'
import type { RecipientRef } from '../schemas/common.ts'

/** Where something belongs. Null organization: it is not there. */
export type Place = {
  readonly organizationId: string | null
  readonly recipient: RecipientRef | null
  /** Why the host did not say: for those to whom it may belong all the same. */
  readonly fault?: NotificationError
}
