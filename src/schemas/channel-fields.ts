import { z } from 'zod'
import type { AccountFields, ChannelDefinition } from '../channels/channel.ts'
import { email } from '../channels/email.ts'
import { type Channel, channelOf, channels } from '../channels/index.ts'
import { sms } from '../channels/sms.ts'
import { type ApprovedTemplateSet, approvedTemplateSet } from './approved-templates.ts'
import { type Field, type Fields, inputOf, toSnake } from './fields.ts'
import { type OffsetInput, reminderOffsets } from './offset.ts'
import { type TemplateSet, templateSet } from './templates.ts'
import { type Category, categories } from './vocabulary.ts'

/** The channels that the document names: columns of their own, and part of every organization. */
export const documentedChannels: readonly Channel[] = channels.filter((one) => channelOf(one).columns !== null)
/** The others: they have a part of `channels` each, and are not used until settings have it. */
export const furtherChannels: readonly Channel[] = channels.filter((one) => channelOf(one).columns === null)

/** A value for e-mail and SMS each, and for other channels that have one. */
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

/**
 * The part of one channel in `channels` of an organization's settings. A field left out is unchanged; null resets it to its
 * default. E-mail and SMS have only `account` and `accounts` here.
 */
export type FurtherSettings = {
  /** True: the channel is used. Default false. */
  enabled?: boolean | null | undefined
  /** Offsets of reminders, as `defaultEmailReminders`. Default `[24, 2]`. */
  reminders?: OffsetInput[] | null | undefined
  /** Kinds of messages sent on the channel. Default: all. */
  categories?: Category[] | null | undefined
  /** Templates, for channels that send text. */
  templates?: TemplateSet | null | undefined
  /** Templates approved by the provider, for channels that send only these (WhatsApp). */
  approvedTemplates?: ApprovedTemplateSet | null | undefined
  /**
   * The first account, with the account fields of the channel; of e-mail and SMS only what has no field of its own, such as
   * limits.
   */
  account?: Record<string, unknown> | null | undefined
  /** Accounts after the first one, in the order of use. Replaces the whole list. */
  accounts?: AccountEntry[] | null | undefined
}
/**
 * An account in such a list, with the account fields of its channel. With an `id` it keeps that account; without one it is a
 * new account.
 */
export type AccountEntry = { readonly id?: string | null | undefined; readonly [field: string]: unknown }
/** The part of one channel in `channels` of preferences. A field left out is unchanged; null inherits from the organization. */
export type FurtherPreferences = {
  /** True consents to a channel that requires consent (WhatsApp); false disables the channel. */
  enabled?: boolean | null | undefined
  /** Offsets of reminders, as `emailReminders`. */
  reminders?: OffsetInput[] | null | undefined
  /** Address on the channel, in place of the one that your directory returns. */
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

/** How much is sent through one account, of any channel. Null: no limit of its own. */
export const limitFields = ({ name }: Pick<ChannelDefinition, 'name'>) =>
  ({
    perSecond: {
      description: 'Messages begun in a second, at most; null: no limit',
      schema: z.int().min(1).max(10_000),
      isAudited: true,
      variable: `DEFAULT_${name}_PER_SECOND`,
    },
    perDay: {
      description: 'Messages begun in a UTC day, at most; further ones wait for the next day. Null: no limit',
      schema: z.int().min(1).max(1_000_000_000),
      isAudited: true,
      variable: `DEFAULT_${name}_PER_DAY`,
    },
    atOnce: {
      description: 'Messages being sent at the same time, at most; null: as many as the transport allows',
      schema: z.int().min(1).max(1000),
      isAudited: true,
      variable: `DEFAULT_${name}_AT_ONCE`,
    },
    weight: {
      description:
        'Share among the accounts that have a weight: of two with 3 and 1 the first sends three of four. Accounts without one send what these cannot, in their order. Null: none',
      schema: z.int().min(1).max(1000),
      isAudited: true,
    },
  }) as const satisfies AccountFields

/** The most accounts of a channel beside the first one. */
const mostAccounts = 20

const entriesOf = ({ words, account, name }: ChannelDefinition) =>
  z
    .array(
      inputOf({ ...account.fields, ...limitFields({ name }) }).extend({
        id: z
          .string()
          .max(200)
          .nullable()
          .optional()
          .describe('Id of the account, which never changes. Left out or null: a new account'),
      }),
    )
    .max(mostAccounts)
    .nullable()
    .optional()
    .describe(
      `Accounts for ${words.name} after the first one, in the order of use. Replaces the list: an entry with an id keeps that account, with what the entry leaves out and the secrets that it masks (\`********\`); one without an id is added; an account that is not in the list is removed. Null removes all`,
    )

/** The documented fields hold the rest of the first account. */
function documentedPartOf(channel: ChannelDefinition, enabled: string): z.ZodType<FurtherSettings> {
  const { words, account } = channel
  const further = Object.fromEntries(Object.entries(account.fields).filter(([, { column }]) => column === undefined))
  const unknown = `is not a known field here: ${words.name} has fields of its own, such as ${toSnake(enabled)}`
  return z.strictObject(
    {
      account: inputOf({ ...further, ...limitFields(channel) })
        .nullable()
        .optional()
        .describe(
          `Limits and weight of the first account for ${words.name}, and what of it no documented field describes`,
        ),
      accounts: entriesOf(channel),
    },
    { error: ({ code }) => (code === 'unrecognized_keys' ? unknown : undefined) },
  )
}

function partOf(channel: ChannelDefinition): z.ZodType<FurtherSettings> {
  const { words, account, columns } = channel
  if (columns !== null) return documentedPartOf(channel, columns.settings.enabled)
  const common = channelPartFields(channel)
  const accounts = {
    account: inputOf({ ...account.fields, ...limitFields(channel) })
      .nullable()
      .optional()
      .describe(`Account that sends ${words.name} messages. Null: the account of the host application is used`),
    accounts: entriesOf(channel),
  }
  return channel.content.kind === 'text'
    ? inputOf({ ...common, ...ownTemplates(channel) }).extend(accounts)
    : inputOf({ ...common, ...providerTemplates(channel) }).extend(accounts)
}

const wishOf = (channel: ChannelDefinition): z.ZodType<FurtherPreferences> => inputOf(channelWishFields(channel))

/** By the name of the channel. One that is not known is refused by name, with those that are. */
function partsOf<Part>(
  having: readonly Channel[],
  others: string,
  make: (channel: ChannelDefinition) => z.ZodType<Part>,
) {
  const known = having.map(channelKey)
  const unknown = `is not a known channel${known.length === 0 ? '' : `: known are ${known.join(', ')}`}${others}`
  const parts = having.map(channelOf).map((one) => {
    const part = make(one).nullable().optional()
    return [one.name.toLowerCase(), part.describe(`What is set of ${one.words.name}. Null removes it`)] as const
  })
  return z.strictObject(Object.fromEntries(parts), {
    error: ({ code }) => (code === 'unrecognized_keys' ? unknown : undefined),
  })
}

const documentedNames = documentedChannels.map((one) => channelOf(one).words.name).join(' and ')

/** The setting and the preference that hold what has no documented column. */
export const channelParts = {
  settings: {
    schema: partsOf(channels, '', partOf),
    description: `By channel, what has no field of its own: further accounts and limits of accounts; of channels other than ${documentedNames} also their switch, reminders, templates and account`,
    replans: true,
  },
  preferences: {
    schema: partsOf(furtherChannels, `; ${documentedNames} have fields of their own`, wishOf),
    description: 'What the recipient wants of further channels, by name',
  },
} as const satisfies Record<string, Field>
