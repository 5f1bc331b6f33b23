import { z } from 'zod'
import {
  answerHint,
  appointmentLines,
  type DayForm,
  excerpt,
  headingOf,
  type MessageFacts,
  plainCharacters,
  plainSpaces,
  sentenceOf,
  type TextCost,
  visibly,
  type Words,
  wordsOf,
} from '../messages/index.ts'
import type { ValuesOf } from '../schemas/fields.ts'
import { countryOf, phoneNumber, readPhone } from '../schemas/phone-number.ts'
import { readSmsSender, smsSender } from '../schemas/sms-sender.ts'
import type { AccountFields, ChannelDefinition } from './channel.ts'
import { accountSecret, providerAccount, providerName } from './provider-account.ts'
import { hasForeignLetter, roughSegments, type SmsSize, smsSegments, smsSize } from './sms-segments.ts'

/** The credentials of an SMS provider, decrypted for the duration of a send. */
export type SmsAccount = {
  readonly channel: 'SMS'
  readonly provider: string
  readonly apiKey: string | null
  readonly apiSecret: string | null
  /** Of providers with regions, such as AWS. Left out: none was named. */
  readonly region?: string
  /** By which the provider reports, where it must be named, as at AWS. Left out: none was named. */
  readonly configurationSet?: string
}

const ofProvider = { fields: ['provider'], words: 'SMS provider' } as const

const fields = {
  provider: {
    description: 'Name of the SMS transport. Null: the account of the host application is used',
    schema: providerName('twilio', 'aws_sms', 'aws_sns'),
    account: true,
    replans: true,
    variable: 'DEFAULT_SMS_PROVIDER',
    column: 'smsProvider',
    // Transports are found whatever the case of their names.
    isCaseless: true,
  },
  apiKey: {
    description:
      'Key of the SMS account: for Twilio the Account SID, for AWS the access key id. Encrypted at rest; shown as `********`',
    schema: accountSecret,
    account: true,
    isSecret: true,
    replans: true,
    variable: 'DEFAULT_SMS_API_KEY',
    column: 'smsApiKey',
    tiedTo: [ofProvider],
  },
  apiSecret: {
    description:
      'Secret of the SMS account: for Twilio the auth token, for AWS the secret access key. Encrypted at rest; shown as `********`',
    schema: accountSecret,
    account: true,
    isSecret: true,
    replans: true,
    variable: 'DEFAULT_SMS_API_SECRET',
    column: 'smsApiSecret',
    // The key says whose account it is.
    tiedTo: [ofProvider, { fields: ['apiKey'], words: 'SMS key' }],
  },
  fromNumber: {
    description:
      'Sender: a phone number, a short code of 3 to 8 digits, or an alphanumeric sender id of up to 11 characters',
    schema: smsSender,
    account: true,
    variable: 'DEFAULT_SMS_FROM_NUMBER',
    column: 'smsFromNumber',
    sender: { read: readSmsSender, wanted: 'a number such as "+14155550123", a short code or a name' },
  },
  region: {
    description: 'AWS region of the account; not used for other providers',
    // It becomes part of the host name that is signed in to.
    schema: z
      .string()
      .max(30)
      .regex(/^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/, 'must be a region of AWS such as "eu-west-1"')
      .meta({ examples: ['eu-west-1'] }),
    account: true,
    isAudited: true,
    variable: 'DEFAULT_SMS_REGION',
  },
  configurationSet: {
    description:
      'Configuration set of AWS End User Messaging (`aws_sms`), whose event destination reports on messages; not used for other providers',
    schema: z
      .string()
      .max(256)
      .regex(/^[A-Za-z0-9_:/-]+$/, 'must be the name or the ARN of a configuration set')
      .meta({ examples: ['appointments'] }),
    account: true,
    isAudited: true,
    variable: 'DEFAULT_SMS_CONFIGURATION_SET',
  },
} as const satisfies AccountFields
type Values = ValuesOf<typeof fields>

/** What Twilio takes for one SMS. */
const longest = 1600

/** SMS, by whichever provider. */
export const sms = {
  name: 'SMS',
  words: { name: 'SMS', one: 'an SMS' },
  page: { name: 'page.sms', otherAddress: 'page.other_number', input: 'tel' },
  address: {
    schema: phoneNumber,
    description: 'Phone number in place of the one that your directory returns. Null: that one',
    wanted: 'a number such as "+14155550123"',
    read: readPhone,
    byCountry: true,
    countryOf,
    key: (address: string) => address,
    of: ({ phone }) => phone,
    perRecipient: 'one',
  },
  content: {
    kind: 'text',
    subject: null,
    text: textOf,
    letter: null,
    asks: true,
    test: (organization: string | null) => ({
      subject: null,
      text: `This is a test message${organization === null ? '' : ` from ${organization}`}: it is about no appointment, and there is nothing to do.`,
    }),
    detail: 2,
    limit: { most: longest, unit: 'characters', sizeOf: (text: string) => text.length },
    finish: (text: string, _language: string, keepsCharacters = false) => ({
      text: keepsCharacters ? plainSpaces(text) : cheapest(text),
      html: null,
    }),
    cost: costOf,
  },
  account: {
    fields,
    ...providerAccount,
    remedies: {
      no_account: {
        variables: 'DEFAULT_SMS_PROVIDER, DEFAULT_SMS_API_KEY, DEFAULT_SMS_API_SECRET and DEFAULT_SMS_FROM_NUMBER',
      },
      no_credentials: { field: 'apiSecret', variables: 'DEFAULT_SMS_API_KEY and DEFAULT_SMS_API_SECRET' },
    },
    open(
      { provider, apiKey, apiSecret, fromNumber, region, configurationSet }: Values,
      { needsAccount }: { readonly needsAccount: boolean },
    ) {
      if (provider === null) return 'no_account'
      if (needsAccount && (apiKey === null || apiSecret === null)) return 'no_credentials'
      const account: SmsAccount = {
        channel: 'SMS',
        provider,
        apiKey,
        apiSecret,
        ...(region !== null && { region }),
        ...(configurationSet !== null && { configurationSet }),
      }
      return { account, from: fromNumber }
    },
    credentials: ({ apiSecret, apiKey }: SmsAccount) => [apiSecret, apiKey],
  },
  receipts: { reports: 'each_message', withinHours: 72 },
  consent: 'inherited',
  quietHours: { from: '21:00', to: '08:00' },
  taskType: 'sms',
  columns: {
    settings: { enabled: 'smsEnabled', reminders: 'defaultSmsReminders', templates: 'smsTemplates' },
    preferences: { enabled: 'smsEnabled', reminders: 'smsReminders', address: 'phoneNumber' },
    history: 'recipientPhone',
  },
} as const satisfies ChannelDefinition<SmsAccount>

/** With plain twins of typographic characters where that saves the price of UCS-2; else those who read it get them as they are. */
function cheapest(text: string): string {
  if (isGsm(text)) return text
  const spaced = plainSpaces(text)
  if (hasForeignLetter(spaced)) return spaced
  const plain = plainCharacters(spaced)
  return isGsm(plain) ? plain : spaced
}

const isGsm = (text: string): boolean => smsSize(text).encoding === 'GSM-7'

/** Of the text as it goes out. */
function sizeOf(text: string): SmsSize {
  const size = smsSize(text)
  return size.encoding === 'GSM-7' ? size : smsSize(cheapest(text))
}

/** Written out first; 'sábado' and 'août' would more than double the price of a text that has no other such letter. */
const dayForms: readonly DayForm[] = ['full', 'long', 'short']

/** The sentence with the day in the first form that keeps it GSM-7; where none does, as it is natural. */
function cheapSentence(words: Words, sentence: (words: Words, form?: DayForm) => string = sentenceOf): string {
  const natural = sentence(words)
  if (words.values.day === '' || sizeOf(natural).encoding === 'GSM-7') return natural
  for (const form of dayForms) {
    const text = sentence(words, form)
    if (sizeOf(text).encoding === 'GSM-7') return text
  }
  return natural
}

/**
 * The built-in text; unless it is news, the location is left out if it would cost another segment. So is a link that is longer than what can
 * be sent.
 */
function textOf(facts: MessageFacts): string {
  const words = wordsOf(facts)
  const hint = facts.ask?.isBuiltIn === true ? ` ${answerHint(facts)}` : ''
  if (words.isSeveral) return listOf(facts, words, hint)
  const sentence = cheapSentence(words)
  const text = `${sentence}${hint}`
  if (words.place === '') return text
  const located = `${sentence} ${words.place}${hint}`
  if (located.length > longest) return text
  if (words.isPlaceNeeded) return located
  const segments = roughSegments(sizeOf(located))
  return segments > 1 && segments > roughSegments(sizeOf(text)) ? text : located
}

/** Several appointments, each on a line of its own; without their places, which would cost more than they tell. */
function listOf(facts: MessageFacts, words: Words, hint: string): string {
  const heading = cheapSentence(words, (all, form) => words.say('sms', { sentence: headingOf(all, form) }))
  return [heading, ...appointmentLines(facts, { withPlaces: false }), hint.trim()]
    .filter((line) => line !== '')
    .join('\n')
}

function costOf(text: string): TextCost {
  const { segments, units, encoding, forcedBy } = smsSegments(text)
  const cause =
    forcedBy.length === 0
      ? ''
      : `; GSM-7 lacks ${excerpt(forcedBy.map(visibly).join(' '))}, which leaves 67 characters to a segment`
  const message = `With usual values this SMS costs ${segments} segments (${units} ${encoding} units)${cause}`
  return { segments, encoding, warning: segments > 1 ? { code: 'sms_segments', message } : null }
}
