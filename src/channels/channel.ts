import type { z } from 'zod'
import type { MessageFormat } from '../messages/index.ts'
import type { Person } from '../schemas/directory.ts'
import type { Field } from '../schemas/fields.ts'
import type { Country, ReadContact } from '../schemas/phone-number.ts'
import type { ProviderFault } from '../schemas/rules.ts'

/**
 * All that differs between channels. Who adds one writes a file with all of it, its name in `names.ts` and its line in `index.ts`; everything
 * else asks the channel. `Account` is what its transports sign in with.
 */
export type ChannelDefinition<Account extends { readonly channel: string } = { readonly channel: string }> = {
  /** As rows and the wire have it (`notification_type`), in capitals. In lower case it is the name of its part of `channels`. */
  readonly name: string
  /** In sentences: `e-mail`, and one of its messages, `an e-mail`. */
  readonly words: { readonly name: string; readonly one: string }
  /** How the page of preferences speaks of it. Left out: by the name in `words`, and nobody gives another address there. */
  readonly page?: PageWords
  readonly address: AddressRules
  readonly content: MessageFormat
  readonly account: AccountRules<Account>
  readonly receipts: ReceiptRules
  /** `inherited`: sent unless somebody objects. `own`: sent to those only who switched it on in their preferences. */
  readonly consent: 'inherited' | 'own'
  /** When it disturbs people, by their clocks: the quiet hours that organizations are offered; null: at no time. */
  readonly quietHours: { readonly from: string; readonly to: string } | null
  /** The `task_type` by which TaskManager sends on it; null: it cannot, as its payload has no place for the address. */
  readonly taskType: string | null
  /** The documented columns that hold what is its own; null: the column `channels` of settings and preferences does. */
  readonly columns: DocumentedColumns | null
}

/** Keys of texts that pages have in every language, and the kind of field in which an address is written. */
export type PageWords = {
  readonly name: 'page.email' | 'page.sms'
  readonly otherAddress: 'page.other_address' | 'page.other_number'
  readonly input: 'email' | 'tel'
}

/** Where messages of a channel go to. */
export type AddressRules = {
  /** As a recipient's preferences have it, and what it is, for the description of the API. */
  readonly schema: z.ZodType<string>
  readonly description: string
  /** Continues "must be": `an e-mail address such as "name@example.org"`. */
  readonly wanted: string
  /** Reads an address as people write it: its normal form, in which it is kept and sent to. */
  readonly read: (text: string, country: Country | null) => ReadContact
  /** Whether the normal form depends on the country of numbers without a country code. */
  readonly byCountry: boolean
  /** The country of a person with this address, in its normal form, as prices know it; null: it does not say. */
  readonly countryOf: (address: string) => Country | null
  /** Two addresses, each in its normal form, are the same where their keys are. */
  readonly key: (address: string) => string
  /** Where your directory has it, unless the preferences name another; null: nowhere. */
  readonly of: (person: Pick<Person, 'email' | 'phone'>) => string | null | undefined
  /** A recipient has one. Of several, such as devices, each would get the message; no channel has that yet. */
  readonly perRecipient: 'one'
}

/** A field of an account: a setting, with what it means to the account. */
export type AccountField = Field & {
  /** The documented setting that holds it; left out where the channel has none. */
  readonly column?: string
  /** Text that is read with the organization's country, and kept in its normal form. */
  readonly sender?: { readonly read: AddressRules['read']; readonly wanted: string }
  /** Upper and lower case are the same. */
  readonly isCaseless?: true
} & (
    | { readonly isSecret?: never; readonly tiedTo?: never }
    /**
     * What the secret was given for. Where one of them becomes another, the secret has to be written again: kept, it would be
     * handed to whoever answers at the new place. Of each, the first field is the place; where that is empty there is none.
     */
    | { readonly isSecret: true; readonly tiedTo: readonly Tie[] }
  )
export type Tie = { readonly fields: readonly string[]; readonly words: string }
export type AccountFields = Readonly<Record<string, AccountField>>

/** The values of an account's fields by name, secrets opened; null: not set. */
export type AccountValues = Readonly<Record<string, unknown>>

/** By what messages of a channel are sent. */
export type AccountRules<Account extends { readonly channel: string }> = {
  readonly fields: AccountFields
  /**
   * Which transport sends: a field names it, and another one must not stand in for it; or one of this name, if it is installed.
   */
  readonly transport: { readonly field: string } | { readonly name: string }
  /** The field without which there is no account. */
  readonly place: string
  /** Whoever writes one of these fields means to send by an account of their own. */
  readonly begun: readonly string[]
  /** The fault of an account that is begun and has no place; null: it counts as no account. */
  readonly withoutPlace: ProviderFault | null
  /** What to write so that somebody can send: the field, and the environment variables of the host's own account. */
  readonly remedies: Readonly<Partial<Record<ProviderFault, { readonly field?: string; readonly variables: string }>>>
  /** In whose name an account sends, as far as its fields say so. */
  names(values: AccountValues): SenderNames
  /** Messages sent in another's name can carry where answers go. */
  readonly hasReplyTo: boolean
  /** The account as the transport gets it, and the sender's address; or what is missing. `values` has a place. */
  open(
    values: AccountValues,
    transport: { readonly needsAccount: boolean },
  ): { readonly account: Account; readonly from: string | null } | ProviderFault
  /** What of an account must not be repeated in logs. */
  credentials(account: Account): readonly (string | null)[]
}

export type SenderNames = { readonly from: string | null; readonly fromName: string | null }

/** What providers report after they accepted a message. */
export type ReceiptRules = {
  /** Where it comes from: the provider reports on each message by itself; or nothing is reported unless it is asked for. */
  readonly reports: 'each_message' | 'nothing_by_itself'
  /** How long after a message a report may arrive, in hours. */
  readonly withinHours: number
}

/** The columns that the document names, and the settings of these names. There will be no more of them. */
export type DocumentedColumns = {
  readonly settings: {
    readonly enabled: 'emailEnabled' | 'smsEnabled'
    readonly reminders: 'defaultEmailReminders' | 'defaultSmsReminders'
    readonly templates: 'emailTemplates' | 'smsTemplates'
  }
  readonly preferences: {
    readonly enabled: 'emailEnabled' | 'smsEnabled'
    readonly reminders: 'emailReminders' | 'smsReminders'
    readonly address: 'emailAddress' | 'phoneNumber'
  }
  readonly history: 'recipientEmail' | 'recipientPhone'
}
