import type { Channel, HeldPlace, SilentQuery } from '../../../src/index.ts'

/** Null: from the first. */
export const heldAfter = (after: HeldPlace | null, limit: number) => ({
  held_at: after?.heldAt.getTime() ?? 0,
  id: after?.id ?? 0,
  limit,
})

/** Every row comes before it: the largest id that a `serial` column of Postgres holds. */
export const lastId = 2 ** 31 - 1

export type Silent = { channel: Channel; created_at: number; id: number; until: number; limit: number }

export const silentAfter = ({ channel, after, until, limit }: SilentQuery): Silent => ({
  channel,
  created_at: after.createdAt.getTime(),
  id: after.id,
  until: until.getTime(),
  limit,
})
