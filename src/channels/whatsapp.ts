import { z } from 'zod'
import type { ValuesOf } from '../schemas/fields.ts'
import { type Country, countryOf, type ReadContact, readPhone } from '../schemas/phone-number.ts'
import { visible } from '../schemas/plain-text.ts'
import type { AccountFields, ChannelDefinition } from './channel.ts'
import { accountSecret, providerAccount, providerName } from './provider-account.ts'
import { sms } from './sms.ts'

/** The credentials of a WhatsApp provider, decrypted for the duration of a send. */
export type WhatsAppAccount = {
  readonly channel: 'WHATSAPP'
  readonly provider: string
  readonly apiKey: string | null
  readonly apiSecret: string | null
  /** What Meta signs its webhook with, and what it says in the handshake. */
  readonly appSecret: string | null
  readonly verifyToken: string | null
}

const wantedNumber = 'a number such as "+14155550123"'
const wanted = `${wantedNumber}, or a WhatsApp user id such as "US.13491208655302741918"`

const ofProvider = { fields: ['provider'], words: 'WhatsApp provider' } as const

const fields = {
  provider: {
    description:
      'Name of the WhatsApp transport: `twilio` or `whatsapp-cloud`. Null: the account of the host application is used',
    schema: providerName('twilio', 'whatsapp-cloud'),
    account: true,
    isAudited: true,
    replans: true,
    variable: 'DEFAULT_WHATSAPP_PROVIDER',
    isCaseless: true,
  },
  apiKey: {
    description:
      'Key of the account: for Twilio the Account SID, for the Cloud API the phone number ID. Encrypted at rest; shown as `********`',
    schema: accountSecret,
    account: true,
    isSecret: true,
    replans: true,
    variable: 'DEFAULT_WHATSAPP_API_KEY',
    tiedTo: [ofProvider],
  },
  apiSecret: {
    description:
      'Secret of the account: for Twilio the auth token, for the Cloud API a permanent access token. Encrypted at rest; shown as `********`',
    schema: accountSecret,
    account: true,
    isSecret: true,
    replans: true,
    variable: 'DEFAULT_WHATSAPP_API_SECRET',
    // The key says whose account it is.
    tiedTo: [ofProvider, { fields: ['apiKey'], words: 'WhatsApp key' }],
  },
  appSecret: {
    description:
      'App secret of the app at Meta, which signs its webhook; not used for Twilio. Encrypted at rest; shown as `********`',
    schema: accountSecret,
    account: true,
    isSecret: true,
    variable: 'DEFAULT_WHATSAPP_APP_SECRET',
    tiedTo: [ofProvider],
  },
  verifyToken: {
    description:
      'Verify token entered beside the webhook URL at Meta; not used for Twilio. Encrypted at rest; shown as `********`',
    schema: accountSecret,
    account: true,
    isSecret: true,
    variable: 'DEFAULT_WHATSAPP_VERIFY_TOKEN',
    tiedTo: [ofProvider],
  },
  fromNumber: {
    description:
      'Sender at Twilio: a number that is registered with WhatsApp. The Cloud API sends from its phone number ID',
    schema: z
      .string()
      .min(1)
      .max(100)
      .meta({ examples: ['+14155550123'] }),
    account: true,
    variable: 'DEFAULT_WHATSAPP_FROM_NUMBER',
    sender: { read: readPhone, wanted: wantedNumber },
  },
} as const satisfies AccountFields
type Values = ValuesOf<typeof fields>

/**
 * Who it is to this business alone, where WhatsApp gives no phone number: the country, and letters and digits; `ENT` for a group of
 * businesses.
 */
const userId = /^([A-Z]{2})\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/

function readAddress(text: string, country: Country | null): ReadContact {
  const typed = visible(text)
  return userId.test(typed) ? { address: typed, warnings: [] } : readPhone(text, country)
}

/**
 * The numbers of some countries are written in two ways, of which WhatsApp takes one and people the other: mobile numbers of Brazil with
 * or without the ninth digit that they got, those of Mexico with the 1 that they lost, and those of Argentina without their 9.
 */
const inOneWay = [
  [/^\+55([1-9]\d)([6-9]\d{7})$/, '+55$19$2'],
  [/^\+521([2-9]\d{9})$/, '+52$1'],
  [/^\+54([1-8]\d{9})$/, '+549$1'],
] as const

function asOneNumber(address: string): string {
  const [pattern, way] = inOneWay.find(([one]) => one.test(address)) ?? []
  return pattern === undefined || way === undefined ? address : address.replace(pattern, way)
}

/** How long after a person's message WhatsApp takes any text to them, and how much of that is left to the way there. */
const [windowMs, marginMs] = [24 * 3_600_000, 10 * 60_000]

/** What Twilio calls a template of the Content API, and Meta a template of the Cloud API. */
const contentSid = /^HX[0-9a-f]{32}$/
const templateName = /^[a-z0-9_]{1,512}$/

/** WhatsApp, by Twilio or by Meta's Cloud API: a business begins with templates that Meta has approved, and answers in free text. */
export const whatsapp = {
  name: 'WHATSAPP',
  words: { name: 'WhatsApp', one: 'a WhatsApp message' },
  address: {
    schema: z
      .string()
      .min(1)
      .max(140)
      .refine((text) => /\d/.test(text), `must be ${wanted}`)
      .meta({ examples: ['+14155550123', 'US.13491208655302741918'] }),
    description:
      'Phone number, or WhatsApp user id, in place of the phone number that your directory returns. Null: that one',
    wanted,
    read: readAddress,
    byCountry: true,
    countryOf: (address) => userId.exec(address)?.[1] ?? countryOf(address),
    key: asOneNumber,
    of: ({ phone }) => phone,
    perRecipient: 'one',
  },
  content: {
    kind: 'approved',
    detail: 2,
    nameFault(name: string, transport: string | null) {
      const isSid = contentSid.test(name)
      if (transport === 'twilio') return isSid ? null : 'must be a ContentSid of Twilio: HX and 32 hexadecimal digits'
      if (templateName.test(name)) return null
      if (isSid && transport !== 'whatsapp-cloud') return null
      return "must be a template's name at Meta, of lower-case letters, digits and underscores"
    },
    limit: { most: 1024, unit: 'characters', sizeOf: (text: string) => text.length },
    longestValue: 255,
    free: {
      format: {
        ...sms.content,
        asks: false,
        limit: { most: 4096, unit: 'characters', sizeOf: (text: string) => text.length },
        // Nothing is cheaper in other characters.
        finish: (text: string, language: string) => sms.content.finish(text, language, true),
        cost: null,
      },
      withinMs: windowMs - marginMs,
    },
  },
  account: {
    fields,
    ...providerAccount,
    remedies: {
      no_account: {
        variables:
          'DEFAULT_WHATSAPP_PROVIDER, DEFAULT_WHATSAPP_API_KEY, DEFAULT_WHATSAPP_API_SECRET and, for Twilio, DEFAULT_WHATSAPP_FROM_NUMBER',
      },
      no_credentials: { field: 'apiSecret', variables: 'DEFAULT_WHATSAPP_API_KEY and DEFAULT_WHATSAPP_API_SECRET' },
    },
    open(
      { provider, apiKey, apiSecret, appSecret, verifyToken, fromNumber }: Values,
      { needsAccount }: { readonly needsAccount: boolean },
    ) {
      if (provider === null) return 'no_account'
      if (needsAccount && (apiKey === null || apiSecret === null)) return 'no_credentials'
      const account: WhatsAppAccount = { channel: 'WHATSAPP', provider, apiKey, apiSecret, appSecret, verifyToken }
      return { account, from: fromNumber }
    },
    credentials: ({ apiSecret, apiKey, appSecret, verifyToken }: WhatsAppAccount) => [
      apiSecret,
      apiKey,
      appSecret,
      verifyToken,
    ],
  },
  // What cannot be delivered is tried for 30 days, unless the template says less.
  receipts: { reports: 'each_message', withinHours: 720 },
  consent: 'own',
  quietHours: { from: '21:00', to: '08:00' },
  taskType: null,
  columns: null,
} as const satisfies ChannelDefinition<WhatsAppAccount>
