import type { HeldPlace } from '../../../src/index.ts'

/** Null: from the first. */
export const heldAfter = (after: HeldPlace | null, limit: number) => ({
  held_at: after?.heldAt.getTime() ?? 0,
  id: after?.id ?? 0,
  limit,
})
