import { type Channel, channelOf } from '../channels/index.ts'
import type { FilledTemplate, TemplateCategory } from '../schemas/approved-templates.ts'
import type { MessageCost, MessagePrice } from '../schemas/message-price.ts'
import type { Country } from '../schemas/phone-number.ts'

/** Prices of segments are small parts of a unit: a millionth is kept. */
const parts = 1_000_000

/** Where a message goes to, as prices know it. Null: there is no address, or no country of it. */
export const countryTo = (channel: Channel, address: string | null): Country | null =>
  address === null ? null : channelOf(channel).address.countryOf(address)

/** A message as it would go out. */
type Priced = { readonly text: string; readonly template: FilledTemplate | null }

/**
 * What a message costs: an SMS the price of a segment for each of its segments, an approved template that of its category. The price
 * for the country comes before those for every country, and of these the one for the category. Null: the channel charges nothing
 * for a message, there is none, or no price is set.
 */
export function costOf(
  prices: readonly MessagePrice[],
  channel: Channel,
  { text, template }: Priced,
  country: Country | null,
): { readonly segments: number | null; readonly cost: MessageCost | null } {
  const { content } = channelOf(channel)
  const segments = content.kind === 'text' ? (content.cost?.(text).segments ?? null) : null
  const units = template === null ? segments : 1
  const priceFor = (wanted: Country | undefined, category: TemplateCategory | undefined) =>
    prices.find((one) => one.channel === channel && one.country === wanted && one.category === category)
  const found = [country ?? undefined, undefined]
    .flatMap((wanted) => [priceFor(wanted, template?.category), priceFor(wanted, undefined)])
    .find((one) => one !== undefined)
  if (units === null || found === undefined) return { segments, cost: null }
  const { price, currency } = found
  return { segments, cost: { amount: Math.round(units * price * parts) / parts, currency } }
}
