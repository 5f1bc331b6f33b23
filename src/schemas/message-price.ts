import { z } from 'zod'
import { channelOf, channels } from '../channels/index.ts'
import { templateCategories } from './approved-templates.ts'
import { countryCode } from './phone-number.ts'

const messagePrice = z
  .strictObject({
    channel: z.enum(channels).describe('Channel'),
    country: countryCode
      .optional()
      .describe('Country (ISO 3166-1 alpha-2) of the number. Default: every other country'),
    category: z
      .enum(templateCategories)
      .optional()
      .describe('Category of approved templates, for channels that send these. Default: every other category'),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be a currency by ISO 4217, such as "EUR"')
      .describe('Currency (ISO 4217)'),
    price: z.number().min(0).max(1000).describe('Price of one SMS segment, or of one approved template'),
  })
  .refine(({ channel, category }) => category === undefined || channelOf(channel).content.kind === 'approved', {
    path: ['category'],
    error: 'is for channels whose messages are approved templates',
  })
export type MessagePrice = z.infer<typeof messagePrice>

export const messagePrices = z.array(messagePrice).max(500)

/** What a message costs by the organization's prices. */
export const messageCost = z.object({
  amount: z.number().describe('Price of the message'),
  currency: z.string().describe('Currency (ISO 4217)'),
})
export type MessageCost = Readonly<z.infer<typeof messageCost>>
