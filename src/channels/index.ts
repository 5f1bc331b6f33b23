import type { ChannelDefinition } from './channel.ts'
import { email } from './email.ts'
import { sms } from './sms.ts'
import { whatsapp } from './whatsapp.ts'

/** All channels, in the order in which they are planned, shown and listed. A further one is a line of this. */
const definitions = [email, sms, whatsapp] as const

type Definition = (typeof definitions)[number]
/** The name of a channel: `EMAIL`, `SMS`. */
export type Channel = Definition['name']
/** What the transports of some channel sign in with, decrypted for the duration of a send. */
export type Account = Definition extends infer One ? (One extends ChannelDefinition<infer Own> ? Own : never) : never

export const channels: readonly Channel[] = definitions.map(({ name }) => name)

const byName = new Map<string, ChannelDefinition<Account>>(definitions.map((one) => [one.name, one]))

/** What is known of a channel. */
export function channelOf(name: Channel): ChannelDefinition<Account> {
  const found = byName.get(name)
  if (found === undefined) throw new TypeError(`There is no channel ${name}.`)
  return found
}
