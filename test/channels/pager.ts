import { z } from 'zod'
import type { AccountFields, ChannelDefinition } from '../../src/channels/channel.ts'
import { type MessageFacts, shortText } from '../../src/messages/index.ts'
import type { ValuesOf } from '../../src/schemas/fields.ts'

/** What a station is signed in to with. */
export type PagerAccount = {
  readonly channel: 'PAGER'
  readonly station: string
  readonly token: string | null
}

const fields = {
  station: {
    description: 'Station that calls',
    schema: z.string().max(40),
    account: true,
    isAudited: true,
    variable: 'DEFAULT_PAGER_STATION',
  },
  token: {
    description: 'Token of the station',
    schema: z.string().max(40),
    account: true,
    isSecret: true,
    variable: 'DEFAULT_PAGER_TOKEN',
    tiedTo: [{ fields: ['station'], words: 'pager station' }],
  },
  callSign: {
    description: 'Who calls',
    schema: z.string().max(40),
    account: true,
    sender: { read: readCallSign, wanted: 'two letters' },
  },
} as const satisfies AccountFields
type Values = ValuesOf<typeof fields>

/** A channel that nobody has any more, for tests: with consent, an account and a column of its own, and without documented columns. */
export const pager = {
  name: 'PAGER',
  words: { name: 'pager', one: 'a page' },
  address: {
    schema: z.string().max(40),
    description: 'Number of the pager',
    wanted: 'the four digits of a pager',
    read: (text: string) => {
      const digits = text.replaceAll(/\D/g, '')
      return digits.length === 4 ? { address: digits, warnings: [] } : { address: null, fault: 'has not four digits' }
    },
    byCountry: false,
    countryOf: () => null,
    key: (address: string) => address,
    of: () => null,
    perRecipient: 'one',
  },
  content: {
    kind: 'text',
    subject: null,
    letter: null,
    text: (facts: MessageFacts) => shortText(facts).slice(0, 80),
    asks: false,
    test: () => ({ subject: null, text: 'Test page' }),
    detail: 2,
    limit: { most: 80, unit: 'characters', sizeOf: (text: string) => text.length },
    finish: (text: string) => ({ text: text.toUpperCase(), html: null }),
    cost: null,
  },
  account: {
    fields,
    transport: { name: 'beeper' },
    place: 'station',
    begun: ['station', 'token'],
    withoutPlace: null,
    remedies: { no_credentials: { field: 'token', variables: 'DEFAULT_PAGER_TOKEN' } },
    names: ({ callSign }: Values) => ({ from: callSign, fromName: null }),
    hasReplyTo: false,
    open({ station, token, callSign }: Values) {
      if (station === null) return 'no_account'
      if (token === null) return 'no_credentials'
      const account: PagerAccount = { channel: 'PAGER', station, token }
      return { account, from: callSign }
    },
    credentials: ({ token }: PagerAccount) => [token],
  },
  receipts: { reports: 'nothing_by_itself', withinHours: 1 },
  consent: 'own',
  quietHours: null,
  taskType: null,
  columns: null,
} as const satisfies ChannelDefinition<PagerAccount>

function readCallSign(text: string) {
  const letters = text.trim().toUpperCase()
  return /^[A-Z]{2}$/.test(letters)
    ? { address: letters, warnings: [] }
    : { address: null, fault: 'is none of two letters' }
}
