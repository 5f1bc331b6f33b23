import { randomBytes } from 'node:crypto'
import { type Channel, channels } from '../../../channels/index.ts'
import { channelKey } from '../../../schemas/channel-fields.ts'

/**
 * Ids of accounts. Each begins with a random key that its owner keeps for good, an organization in its settings row and the host
 * application in the database, so that an id finds its owner by one index; then comes the channel, for the first account, or
 * another random part. Nothing of it is secret, and nothing can be guessed.
 */
const keyLength = 32

export const newAccountKey = (): string => randomBytes(keyLength / 2).toString('hex')

/** Of a channel's first account. */
export const firstAccountId = (accountKey: string, channel: Channel): string => `${accountKey}-${channelKey(channel)}`

/** Of one after it. */
export const newAccountId = (accountKey: string): string => `${accountKey}-${randomBytes(6).toString('hex')}`

/** Null: it does not look like an id of an account. */
export const accountKeyOfId = (id: string): string | null => /^([0-9a-f]{32})-[0-9a-z_-]{1,64}$/.exec(id)?.[1] ?? null

/** The channel whose first account has the id; null: it is none of a first account. */
export const channelOfFirst = (id: string): Channel | null =>
  channels.find((channel) => firstAccountId(id.slice(0, keyLength), channel) === id) ?? null
