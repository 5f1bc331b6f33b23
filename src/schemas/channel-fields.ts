import { z } from 'zod'
import type { ChannelDefinition } from '../channels/channel.ts'
import { email } from '../channels/email.ts'
import { type Channel, channelOf, channels } from '../channels/index.ts'
import { sms } from '../channels/sms.ts'
import { type ApprovedTemplateSet, approvedTemplateSet } from './approved-templates.ts'
import { type Field, type Fields, inputOf } from './fields.ts'
import { type OffsetInput, reminderOffsets } from './offset.ts'
import { type TemplateSet, templateSet } from './templates.ts'
import { type Category, categories } from './vocabulary.ts'

/** The channels that the document names: columns of their own, and part of every organization. */
export const documentedChannels: readonly Channel[] = channels.filter((one) => channelOf(one).columns !== null)
/** The others: they have a part of `channels` each, and are not used until settings have it. */
export const furtherChannels: readonly Channel[] = channels.filter((one) => channelOf(one).columns === null)

/** Something of each documented channel, and of others where there is something. */
export type ByChannel<T> = { readonly [Name in typeof email.name | typeof sms.name]: T } & {
  readonly [Name in Channel]?: T
}

export function byChannel<T>(used: readonly Channel[], of: (channel: Channel) => T): ByChannel<T> {
  const further = used.filter((one) => furtherChannels.includes(one))
  const documented = { [email.name]: of(email.name), [sms.name]: of(sms.name) }
  return Object.assign(documented, Object.fromEntries(further.map((one) => [one, of(one)])))
}

/** The name of a channel's part of `channels`. */
export const channelKey = (channel: Channel): string => channel.toLowerCase()

/** A part of `channels` of an organization's settings. Left out: unchanged; null: the default. */
export type FurtherSettings = {
  enabled?: boolean | null | undefined
  reminders?: OffsetInput[] | null | undefined
  categories?: Category[] | null | undefined
  templates?: TemplateSet | null | undefined
  approvedTemplates?: ApprovedTemplateSet | null | undefined
  account?: Record<string, unknown> | null | undefined
}
/** A part of `channels` of preferences. Left out: unchanged; null: inherited. */
export type FurtherPreferences = {
  enabled?: boolean | null | undefined
  reminders?: OffsetInput[] | null | undefined
  address?: string | null | undefined
}

/** The offsets of reminders where nobody names others, in hours. */
export const usualReminders = [24, 2] as const

const flag = { schema: z.boolean(), isAudited: true, replans: true } as const
const offsets = { schema: reminderOffsets, isAudited: true, replans: true } as const

/** What an organization sets of a channel without documented columns, but its account. */
export const channelPartFields = ({ words }: ChannelDefinition) =>
  ({
    enabled: { ...flag, description: `True enables ${words.name}. Default false` },
    reminders: {
      ...offsets,
      description: `Offsets of reminders by ${words.name}; an empty list means none. Default 24 and 2 hours`,
    },
    categories: {
      schema: z.array(z.enum(categories)).max(categories.length),
      isAudited: true,
      replans: true,
      description: `Kinds of messages that are sent by ${words.name}. Default all`,
    },
  }) as const satisfies Fields

const ownTemplates = ({ words }: ChannelDefinition) =>
  ({
    templates: { schema: templateSet, description: `Templates of ${words.name} messages. Null removes all of them` },
  }) as const satisfies Fields

const providerTemplates = ({ words }: ChannelDefinition) =>
  ({
    approvedTemplates: {
      schema: approvedTemplateSet,
      replans: true,
      description: `Templates that the provider approved: for each kind of message sent by ${words.name} one in the language of the organization, and in others. Null removes all of them`,
    },
  }) as const satisfies Fields

/** What it sends: templates of the organization's own, or those that the provider approved. */
export const channelTemplateFields = (channel: ChannelDefinition): Fields =>
  channel.content.kind === 'text' ? ownTemplates(channel) : providerTemplates(channel)

/** What a recipient sets of it. */
export const channelWishFields = ({ words, address, consent }: ChannelDefinition) =>
  ({
    enabled: {
      ...flag,
      description:
        consent === 'own'
          ? `True consents to ${words.name}, without which nothing is sent on it. Null: no consent`
          : `False disables ${words.name}. Null: inherit`,
    },
    reminders: {
      ...offsets,
      description: `Offsets of reminders by ${words.name}; an empty list means none. Null: inherit`,
    },
    address: { schema: address.schema, description: address.description, isContact: true },
  }) as const satisfies Fields

const partOf = (channel: ChannelDefinition): z.ZodType<FurtherSettings> => {
  const account = inputOf(channel.account.fields)
    .nullable()
    .optional()
    .describe(`Account that sends ${channel.words.name} messages. Null: the account of the host application is used`)
  const common = channelPartFields(channel)
  return channel.content.kind === 'text'
    ? inputOf({ ...common, ...ownTemplates(channel) }).extend({ account })
    : inputOf({ ...common, ...providerTemplates(channel) }).extend({ account })
}

const wishOf = (channel: ChannelDefinition): z.ZodType<FurtherPreferences> => inputOf(channelWishFields(channel))

/** By the name of the channel. One that is not known is refused by name, with those that are. */
function partsOf<Part>(make: (channel: ChannelDefinition) => z.ZodType<Part>) {
  const known = furtherChannels.map(channelKey)
  const named = documentedChannels.map((one) => channelOf(one).words.name).join(' and ')
  const others = `${named} have fields of their own`
  const unknown = `is not a known channel: ${known.length === 0 ? '' : `known are ${known.join(', ')}; `}${others}`
  const parts = furtherChannels.map(channelOf).map((one) => {
    const part = make(one).nullable().optional()
    return [one.name.toLowerCase(), part.describe(`What is set of ${one.words.name}. Null removes it`)] as const
  })
  return z.strictObject(Object.fromEntries(parts), {
    error: ({ code }) => (code === 'unrecognized_keys' ? unknown : undefined),
  })
}

/** The setting and the preference that hold what channels without documented columns have of their own. */
export const channelParts = {
  settings: {
    schema: partsOf(partOf),
    description: 'Further channels by name, such as their switch, templates and account',
    replans: true,
  },
  preferences: { schema: partsOf(wishOf), description: 'What the recipient wants of further channels, by name' },
} as const satisfies Record<string, Field>
