import type { Channel } from '../../channels/index.ts'
import type { AuditRecord } from '../../schemas/audit.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import type { ConsentRecord } from '../../schemas/consent.ts'
import type { RetentionKind } from '../../schemas/retention.ts'
import type { InboundMeaning } from '../../schemas/vocabulary.ts'
import type { PreviousAccount } from './accounts.ts'
import type { AnswerRow } from './answers.ts'
import type { DeliveryRow } from './delivery-rows.ts'
import type { LinkRow } from './links.ts'
import type { RequestKey } from './requests.ts'

/** A place in the order in which messages were made. */
export type MessagePlace = { readonly createdAt: Date; readonly id: number }

/** An appointment in whose plan somebody takes part. */
export type PlanPart = {
  readonly planId: number
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly startsAt: Date
}

/** A message that came from an address. */
export type Written = {
  /** Null: nobody knows to whom it was written. */
  readonly organizationId: string | null
  readonly channel: Channel
  readonly address: string
  /** What it meant for consent; null: nothing, it is for people to read. */
  readonly meaning: InboundMeaning | null
  /** Null: only what it meant was kept. */
  readonly text: string | null
  readonly at: Date
}

/** How many messages of an organization somebody got on a day (`YYYY-MM-DD` by their clocks) that count against `dailyBudget`. */
export type BudgetCount = { readonly organizationId: string; readonly day: string; readonly count: number }

/** The tables that retention walks through; `addresses` are those that something is known of, `inbound` what came from them. */
export const retentionTables = [
  'messages',
  'reminders',
  'addresses',
  'decisions',
  'audit',
  'answers',
  'inbound',
] as const
/** A table with rows that are blanked or removed by `retention`. */
export type RetentionTable = (typeof retentionTables)[number]

/** As much of a row as shows whether it may be over. */
export type AgingRow = {
  readonly id: number
  /** '': it belongs to none. */
  readonly organizationId: string
  /** When it last changed, or was written. */
  readonly at: Date
  /** What it still holds. */
  readonly holds: readonly RetentionKind[]
}

/** What is asked for about persons, and for all rows in small steps. Each call reads a bounded number of rows by an index. */
export interface PersonalQueries {
  /** Messages to somebody, whatever became of them, in the order in which they were made; of those not erased yet where `left` says so. */
  messages(query: {
    readonly recipient: RecipientRef
    readonly after: MessagePlace | null
    readonly left: boolean
    readonly limit: number
  }): Promise<DeliveryRow[]>
  /** Messages that went to an address, whomever they were for, in the order in which they were made. */
  messagesTo(query: {
    readonly channel: Channel
    readonly address: string
    readonly after: MessagePlace | null
    readonly limit: number
  }): Promise<DeliveryRow[]>
  /** By the id of the plan. */
  plansOf(recipient: RecipientRef, afterPlan: number, limit: number): Promise<PlanPart[]>
  /** Which of these addresses messages to others than the recipient went to, among the last 1000 of each. */
  sharedAddresses(
    addresses: readonly { readonly channel: Channel; readonly address: string }[],
    recipient: RecipientRef,
  ): Promise<boolean[]>
  /** Answers that are kept for repeated requests, by (caller, key). */
  answers(after: RequestKey | null, limit: number): Promise<(RequestKey & { readonly answer: string })[]>
  /** False: it is another one by now. */
  replaceAnswer(request: RequestKey, before: string, after: string): Promise<boolean>
  /** Entries about somebody, or by somebody, among `limit` entries after this id. `last`: the last one looked at; null: there was none. */
  auditOf(
    recipient: RecipientRef,
    after: number,
    limit: number,
  ): Promise<{ readonly entries: AuditRecord[]; readonly last: number | null }>
  /** What somebody answered or wrote, by id. */
  answersOf(recipient: RecipientRef, after: number, limit: number): Promise<AnswerRow[]>
  /** What somebody refused and gave, by id. */
  consentsOf(recipient: RecipientRef, after: number, limit: number): Promise<ConsentRecord[]>
  /** What came from an address, and nobody knows from whom of those who have it, by the id of its row in one of the two tables. */
  written(query: {
    readonly channel: Channel
    readonly address: string
    readonly table: 'inbound' | 'answers'
    readonly after: number
    readonly limit: number
  }): Promise<(Written & { readonly id: number })[]>
  /** What was said by the address of this row, and of no person, by id. */
  consentsBy(addressId: number, after: number, limit: number): Promise<ConsentRecord[]>
  /** Links to somebody that have not been removed yet, by their hash. */
  linksOf(recipient: RecipientRef, after: string, limit: number): Promise<LinkRow[]>
  /** What somebody got of these organizations on the last day that was counted. */
  budgetsOf(recipient: RecipientRef, organizationIds: readonly string[]): Promise<BudgetCount[]>
  /** By id. */
  aging(table: RetentionTable, after: number, limit: number): Promise<AgingRow[]>
  /** Removes the hashes of messages that were erased by `until`, at most `limit`; how many. */
  purgeHashes(until: Date, limit: number): Promise<number>
}

/** `notification_keys`, and the rows that hold secrets. */
export interface KeyStore {
  /** Null: there is none of that name. */
  get(name: string): Promise<string | null>
  /** Returns the one that is kept: of concurrent callers the first one's. */
  add(name: string, sealed: string, at: Date): Promise<string>
  /** False: it is another one by now. */
  replace(name: string, before: string, after: string): Promise<boolean>
  /** Previous credentials by id. */
  previousAccounts(after: number, limit: number): Promise<(PreviousAccount & { readonly id: number })[]>
}

/** How a person refused messages on a channel: by an address, or by a preference of their own. */
export type Refusal = 'by_address' | 'own'

/** What replaces the row of an address once its person is erased. */
export type HashedAddress = {
  readonly organizationId: string
  readonly channel: Channel
  readonly address: string
  readonly hash: string
  /** Whether preferences that are deleted refused messages on this channel: by what an opt-out by the address made of them, or by the person's own word. */
  readonly refusal: Refusal | null
}

/** What to erase about a person, in one step. */
export type EraseCommand = {
  readonly recipient: RecipientRef
  /** Messages to the recipient. */
  readonly messages: readonly number[]
  /** What went to these addresses was for the recipient too, in the place of others. */
  readonly contactAddresses: readonly { readonly channel: Channel; readonly address: string }[]
  /** Appointments and waitlist entries of which texts to others may name the recipient. */
  readonly appointments: readonly EntityId[]
  readonly waitlistEntries: readonly EntityId[]
  readonly addresses: readonly HashedAddress[]
  /** Makes the hash that an erased message keeps of its address; pure. Null: there is no key, and nothing is kept. */
  readonly hash: ((channel: Channel, address: string) => string) | null
  readonly at: Date
}
/** What an erasure step changed. */
export type EraseOutcome = {
  /** Messages that held something. */
  readonly messages: number
  /** Ids of the rows of addresses that are there no more. */
  readonly addresses: readonly number[]
  readonly hashed: number
}

/** A row to blank or remove. */
export type RetentionCommand = {
  readonly table: RetentionTable
  readonly id: number
  /** Only what was over before this, by kind. */
  readonly before: Readonly<Partial<Record<RetentionKind, Date>>>
  /** True: nothing is changed. */
  readonly dryRun: boolean
  readonly at: Date
}
/** The kinds that were blanked. */
export type RetentionOutcome = readonly RetentionKind[]

/** Commands of `src/records`, which `Storage.carry` carries out. */
export interface PersonalCommands {
  erase(command: EraseCommand): Promise<EraseOutcome>
  /** Takes the words out of consents that lifted suppressions of these addresses. */
  eraseConsents(entries: readonly number[]): Promise<void>
  /** Gives a hashed address back its row: whoever has it asked for messages again. */
  restoreAddress(hashed: HashedAddress, at: Date): Promise<void>
  retain(commands: readonly RetentionCommand[]): Promise<RetentionOutcome[]>
}
export type PersonalStore = PersonalQueries & PersonalCommands
