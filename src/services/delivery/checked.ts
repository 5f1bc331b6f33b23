import type { Channel } from '../../channels/index.ts'
import type { CheckResult } from '../../domain/timely.ts'
import type { CalendarText } from '../../messages/index.ts'
import type { Ask, CalendarMark, Fallback, PlanRow } from '../../ports/storage.ts'
import type { CalendarFile } from '../../ports/transport.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import type { Change } from '../../schemas/vocabulary.ts'
import type { Subject } from '../messages/notices.ts'
import type { Provider } from '../shared/accounts/providers.ts'
import type { Knowledge } from '../shared/knowledge.ts'
import type { DueWork } from './work.ts'

export type Checked = {
  readonly due: DueWork
  readonly result: CheckResult
  /** Of a reminder: its result for another recipient. */
  readonly resultFor?: (recipient: RecipientRef) => CheckResult
  readonly subject: Subject | null
  /** Other recipients with the same address, who get this message. */
  readonly others: readonly Person[]
  /** Of a reschedule: what changed since the recipient was last notified; undefined: unknown. */
  readonly changed?: readonly Change[] | undefined
  /** As in `MessageFacts`. Default false. */
  readonly isReinstated?: boolean
  /** Of one that is in place of another: what takes its place where it fails or cannot reach the person; null: nothing does. */
  readonly fallback?: Fallback | null
  /** Of such a one: a message that it is in place of was begun, and counted against the budget of its day. Default false. */
  readonly isCounted?: boolean
  /** The channel on which its chain began, of such a one. */
  readonly root?: Channel
  /** Of a reminder: those of other appointments that go out in the same message. Default: none. */
  readonly companions?: readonly Companion[]
  /** Of `others`, those whose own reminders end with this one only if it begins. Default: none. */
  readonly joined?: readonly Person[]
}

/** One that is to be sent. */
export type Sendable = Checked & { readonly result: Extract<CheckResult, { kind: 'send' }>; readonly subject: Subject }

export const isSendable = (one: Checked): one is Sendable => one.result.kind === 'send' && one.subject !== null

/** A reminder that goes out in the message of another one, and what it was checked by. */
export type Companion = {
  readonly one: Sendable
  readonly batch: Pick<BatchContext, 'knowledge' | 'planOf' | 'reservedFor'>
}

/** A message that asks for an answer; `isCodeShown`: people have to say which appointment they mean. */
export type Question = Ask & { readonly isCodeShown: boolean }

/** What the messages of a batch that ask for an answer ask, each with the code of its appointment at its address. */
export type Asking = { questionOf(one: Sendable, provider: Provider): Question | null }

/** The calendar files of the messages of a batch; null: the message has none. */
export type CalendarFiles = {
  fileOf(one: Sendable, mail: CalendarMail): { readonly mark: CalendarMark; readonly file: CalendarFile } | null
}
/** The mail that a file goes with. */
type CalendarMail = {
  /** The address that it is from. */
  readonly sender: string
  readonly senderName: string | null
  readonly attendeeName: string | null
  /** What the event says. */
  readonly textOf: () => CalendarText
}

/** What a batch of work is checked by. */
export type BatchContext = {
  readonly knowledge: Knowledge
  readonly planOf: (due: DueWork) => PlanRow | null
  readonly now: Date
  /**
   * How many of the messages that a person may still get that day belong to appointments before that of the work, or `before` a time,
   * leaving out the reminders that are `decided`. Default: none.
   */
  readonly reservedFor?: (due: DueWork, decided: ReadonlySet<number>, before?: Date) => number
  /** Ids of the reminders of the batch that are decided already, and not put off: if sent, they are counted by the time this is. */
  readonly decided?: ReadonlySet<number>
  /** What its messages ask; null: nothing. Left out: no message of the outlet asks. */
  readonly asking?: Asking | null
  /** Null: no message has one. Left out: no message of the outlet does. */
  readonly calendarFiles?: CalendarFiles | null
}

/** The checks of a batch of work, in its order. */
export type CheckedBatch = BatchContext & { readonly checked: readonly Checked[] }
