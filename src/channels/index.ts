import type { ChannelDefinition } from './channel.ts'
import { email } from './email.ts'
import { type Channel, channels } from './names.ts'
import { sms } from './sms.ts'
import { whatsapp } from './whatsapp.ts'

export { type Channel, channels }

/** What is known of each channel. */
const definitions = { EMAIL: email, SMS: sms, WHATSAPP: whatsapp } as const satisfies {
  readonly [Name in Channel]: { readonly name: Name }
}

type Definition = (typeof definitions)[Channel]
/** What the transports of some channel sign in with, decrypted for the duration of a send. */
export type Account = Definition extends infer One ? (One extends ChannelDefinition<infer Own> ? Own : never) : never

const byName = new Map<string, ChannelDefinition<Account>>(Object.entries(definitions))

/** What is known of a channel. */
export function channelOf(name: Channel): ChannelDefinition<Account> {
  const found = byName.get(name)
  if (found === undefined) throw new TypeError(`There is no channel ${name}.`)
  return found
}
