import { z } from 'zod'
import { channels } from '../channels/index.ts'
import { countryCode } from './phone-number.ts'

const messagePrice = z.strictObject({
  channel: z.enum(channels).describe('Channel'),
  country: countryCode.optional().describe('Country (ISO 3166-1 alpha-2) of the number. Default: every other country'),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'must be a currency by ISO 4217, such as "EUR"')
    .describe('Currency (ISO 4217)'),
  price: z.number().min(0).max(1000).describe('Price of one segment'),
})
export type MessagePrice = z.infer<typeof messagePrice>

export const messagePrices = z.array(messagePrice).max(500)

/** What a message costs by the organization's prices. */
export const messageCost = z.object({
  amount: z.number().describe('Price of the message'),
  currency: z.string().describe('Currency (ISO 4217)'),
})
export type MessageCost = Readonly<z.infer<typeof messageCost>>
