import type { Channel } from '../../channels/index.ts'
import type { Actor } from '../../schemas/audit.ts'
import type { ConsentRecord, Doubt } from '../../schemas/consent.ts'
import type { PreferenceRef } from '../../schemas/preferences.ts'
import type { Category, ConsentHow, InboundMeaning, InboundReply } from '../../schemas/vocabulary.ts'
import type { AddressRef, Party } from './addresses.ts'
import type { ReplyCommand } from './answers.ts'

/** A consent or refusal to add to the record. */
export type NewConsent = Omit<ConsentRecord, 'id'>

/** A message that a person wrote, as it is kept. */
export type NewInbound = {
  readonly accountId: string
  readonly messageId: string
  /** Of the account; `sharedSender`: it is the host application's. */
  readonly organizationId: string
  readonly channel: Channel
  /** In normal form. */
  readonly address: string
  readonly meaning: InboundMeaning
  /** Kept of what staff have to decide. */
  readonly text: string | null
  readonly at: Date
  /** When the person wrote it, as far as the provider says so. */
  readonly writtenAt: Date
  /** What the person would be notified of; null: nothing. */
  readonly reply: InboundReply | null
  /** Kept in the same transaction for people to read, with the call of the hook; null: nothing is. */
  readonly handOver: ReplyCommand | null
  /** Organizations whose staff decide; each gets a row. */
  readonly deciders: readonly string[]
}

/**
 * What changes somebody's consent, all in one transaction: preferences of `people`, the suppression of `addresses`, the record and
 * the audit log. What was in doubt at the addresses is decided by all but a further doubt.
 */
export type ConsentCommand = {
  /** `doubted` holds the addresses, and `cleared` takes that back: both leave preferences as they are; null: a message is kept that is about no consent. */
  readonly act: 'refused' | 'given' | 'doubted' | 'cleared' | null
  readonly how: ConsentHow
  readonly wording: string | null
  readonly at: Date
  readonly by: Actor
  readonly people: readonly Party[]
  /** Who has the addresses too: what they want stays, and their reminders are planned again where an address is opened. */
  readonly others?: readonly Party[]
  /** Null: every channel. */
  readonly channels: readonly Channel[] | null
  /** Null: every kind of message. */
  readonly categories: readonly Category[] | null
  /** Rows of addresses; of `sharedSender` that of the host application's account, which holds for all who send by it. */
  readonly addresses: readonly AddressRef[]
  /** Of a refusal by an address: why, and the provider's word for it. */
  readonly cause: 'stop' | 'complaint'
  readonly code: string
  /** Of what is given: only what an opt-out by the address took is brought back. */
  readonly onlyTaken: boolean
  /** Of whom nobody knows whether they have the address still: what was taken from them is kept for a later START. Default: none. */
  readonly unsure?: readonly Party[]
  readonly inbound: NewInbound | null
}
/** `known`: the message was kept before, and nothing changed. `inFlight`: messages to these people being sent at that moment. */
export type ConsentOutcome = {
  readonly status: 'changed' | 'unchanged' | 'known'
  readonly inFlight: number
  /** The person is to be told `reply` of the message, which nobody was told for an hour at this address. */
  readonly isAnswered: boolean
}

/** Reads the record of consent, doubts and inbound texts. */
export interface ConsentQueries {
  /** The record, newest first by id, of an organization, and of a recipient where one is given. `before`: the last id of the page before. */
  records(query: {
    readonly organizationId: string
    readonly recipient?: PreferenceRef
    readonly before?: number
    readonly limit: number
  }): Promise<ConsentRecord[]>
  /** What staff of the organization have to decide, oldest first. `after`: the last id of the page before. */
  doubts(query: { readonly organizationId: string; readonly after?: number; readonly limit: number }): Promise<Doubt[]>
  /** A message that was kept; null: it was not. */
  message(id: number): Promise<Doubt | null>
  /** Whether the message was kept. */
  isKept(message: Pick<NewInbound, 'accountId' | 'messageId' | 'organizationId'>): Promise<boolean>
}
/** Changes consent. */
export interface ConsentCommands {
  /** Commands of `src/records`. */
  change(command: ConsentCommand): Promise<ConsentOutcome>
}
export type ConsentStore = ConsentQueries & ConsentCommands
