import { type Channel, channelOf } from '../channels/index.ts'
import type { MessageCost, MessagePrice } from '../schemas/message-price.ts'
import { type Country, countryOf } from '../schemas/phone-number.ts'

/** Prices of segments are small parts of a unit: a millionth is kept. */
const parts = 1_000_000

/** Where a message goes to, as prices know it. Null: there is no address, or no country of it. */
export const countryTo = (channel: Channel, address: string | null): Country | null =>
  address === null || !channelOf(channel).address.byCountry ? null : countryOf(address)

/** What a text costs: segments times the price of one. Null: the channel charges nothing by its length, or no price is set. */
export function costOf(
  prices: readonly MessagePrice[],
  channel: Channel,
  text: string,
  country: Country | null,
): { readonly segments: number | null; readonly cost: MessageCost | null } {
  const { content } = channelOf(channel)
  const segments = content.kind === 'text' ? (content.cost?.(text).segments ?? null) : null
  const own = prices.filter((price) => price.channel === channel)
  const found = own.find((price) => price.country === country) ?? own.find((price) => price.country === undefined)
  if (segments === null || found === undefined) return { segments, cost: null }
  const { price, currency } = found
  return { segments, cost: { amount: Math.round(segments * price * parts) / parts, currency } }
}
