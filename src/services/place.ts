import type { RecipientRef } from '../schemas/common.ts'

/** Where something belongs. Null organization: it is not there. */
export type Place = { readonly organizationId: string | null; readonly recipient: RecipientRef | null }
