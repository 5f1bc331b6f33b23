import { z } from 'zod'
import { channelOf, channels } from '../channels/index.ts'
import { templateCategories } from './approved-templates.ts'
import { countryCode } from './phone-number.ts'

const messagePrice = z
  .strictObject({
    /** Channel that the price is for. */
    channel: z.enum(channels).describe('Channel'),
    /** Country (ISO 3166-1 alpha-2) of the recipient's number. Default: every country without an entry of its own. */
    country: countryCode
      .optional()
      .describe('Country (ISO 3166-1 alpha-2) of the number. Default: every other country'),
    /** Category of approved templates, for channels that send these. Default: every category without an entry of its own. */
    category: z
      .enum(templateCategories)
      .optional()
      .describe('Category of approved templates, for channels that send these. Default: every other category'),
    /** Currency (ISO 4217), such as `EUR`. */
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be a currency by ISO 4217, such as "EUR"')
      .describe('Currency (ISO 4217)'),
    /** Price of one SMS segment or one approved template, in units of the currency, such as `0.07`. */
    price: z.number().min(0).max(1000).describe('Price of one SMS segment, or of one approved template'),
  })
  .refine(({ channel, category }) => category === undefined || channelOf(channel).content.kind === 'approved', {
    path: ['category'],
    error: 'is for channels whose messages are approved templates',
  })
/** The price of one SMS segment or one approved template. */
export type MessagePrice = z.infer<typeof messagePrice>

export const messagePrices = z.array(messagePrice).max(500)

/** What a message costs by the organization's prices. */
export const messageCost = z.object({
  /** Price of the message, in units of the currency. */
  amount: z.number().describe('Price of the message'),
  /** Currency (ISO 4217), such as `EUR`. */
  currency: z.string().describe('Currency (ISO 4217)'),
})
export type MessageCost = Readonly<z.infer<typeof messageCost>>
