import { asciiDigits, visible } from '../schemas/plain-text.ts'
import type { AnswerAction, ConfirmedReminderPolicy } from '../schemas/vocabulary.ts'

/** What a reply can say by itself. It never cancels: CANCEL, END and QUIT opt out of messages, so no message invites them. */
export type ReplyAction = Exclude<AnswerAction, 'cancel'>

/** The words of a language, each in its normal form (`plainWords`). */
export type AnswerWords = {
  readonly confirm: readonly string[]
  readonly change: readonly string[]
  /** What people write around an answer without meaning anything by it. */
  readonly courtesy: readonly string[]
}

/** `code`: which of several appointments it means, if it says so. */
export type ReadAnswer = { readonly action: ReplyAction; readonly code: string | null }

/**
 * Which appointment a message asked about. A code is a digit and a letter that look and sound like no other, so that `1 4K` is no
 * number, and no code is a word.
 */
export type Question = {
  readonly organizationId: string
  readonly appointmentId: number | string
  readonly code: string
  /** Which of our senders asked; null: the provider chose. */
  readonly sender: string | null
  /** Since it was asked. */
  readonly isConfirmed: boolean
  readonly startsAt: Date
  readonly askedAt: Date
}

/** The words that every language has. */
const everywhere: AnswerWords = { confirm: ['c', '1', 'y', 'yes', 'ok'], change: ['r', '2'], courtesy: [] }

const digits = '346789'
const letters = 'FGHJKLMNPTWX'
const codeShape = new RegExp(`^[${digits}][${letters}]$`, 'i')
export const codes: readonly string[] = [...digits].flatMap((digit) => [...letters].map((letter) => digit + letter))

/** In the form in which words are compared: without case, marks, punctuation and pictures, with single blanks. */
export const plainWords = (text: string): string =>
  asciiDigits(visible(text))
    .toLowerCase()
    .replace(/[‘’ʼ`´]/gu, "'")
    .replace(/[^\p{L}\p{M}\p{N}']+/gu, ' ')
    .replace(/(?<![\p{L}\p{M}\p{N}])'|'(?![\p{L}\p{M}\p{N}])/gu, ' ')
    // So that `SI` is `sí`, and `confirme` `confirmé`; other scripts need their marks.
    .normalize('NFD')
    .replace(/(?<=\p{Script=Latin})\p{M}+/gu, '')
    .normalize('NFC')
    .replace(/ +/g, ' ')
    .trim()

/** The words of several languages as one. What means different things in two of them means nothing. */
export function joinedWords(languages: readonly AnswerWords[]): AnswerWords {
  const all = [everywhere, ...languages]
  const confirm = new Set(all.flatMap((one) => one.confirm))
  const change = new Set(all.flatMap((one) => one.change))
  return {
    confirm: [...confirm].filter((word) => !change.has(word)),
    change: [...change].filter((word) => !confirm.has(word)),
    courtesy: [...new Set(all.flatMap((one) => one.courtesy))],
  }
}

/** More is a letter, for people to read. WhatsApp takes 65,536 characters, and looking for an answer in these would hold up the process. */
const longestAnswer = 300

/**
 * What a text answers; null: nothing that is certain. The whole text is the answer: a word, a code before or after it, and courtesy;
 * "yes, but later" is for people.
 */
export function readAnswer(text: string, words: AnswerWords): ReadAnswer | null {
  if (text.length > longestAnswer) return null
  const bare = withoutCourtesy(plainWords(text), words.courtesy)
  const plain = actionOf(bare, words)
  if (plain !== null) return { action: plain, code: null }
  const parts = bare.split(' ')
  for (const [index, part] of parts.entries()) {
    const rest = parts.toSpliced(index, 1).join(' ')
    // Written in one: `C4K`.
    const [word, code] = codeShape.test(part) ? [rest, part] : [`${rest} ${part.slice(0, -2)}`.trim(), part.slice(-2)]
    if (!codeShape.test(code)) continue
    const action = actionOf(word, words)
    if (action !== null) return { action, code: code.toUpperCase() }
  }
  return null
}

function actionOf(word: string, { confirm, change }: AnswerWords): ReplyAction | null {
  if (confirm.includes(word)) return 'confirm'
  return change.includes(word) ? 'change' : null
}

function withoutCourtesy(text: string, courtesy: readonly string[]): string {
  const around = courtesy.find((one) => text.startsWith(`${one} `) || text.endsWith(` ${one}`))
  if (around === undefined) return text
  const rest = text.startsWith(`${around} `) ? text.slice(around.length) : text.slice(0, -around.length)
  return withoutCourtesy(rest.trim(), courtesy)
}

/**
 * The question that an answer belongs to; null: it could mean several, or none. Without a code it is the only appointment asked about,
 * or, for a confirmation, the only one that was not confirmed since its last message. `questions`: open ones, of the sender that the answer came to.
 */
export function questionFor<Q extends Question>(answer: ReadAnswer, questions: readonly Q[]): Q | null {
  const latest = latestOfEach(questions)
  if (answer.code !== null) return only(latest.filter(({ code }) => code === answer.code))
  const one = only(latest)
  if (one !== null || answer.action !== 'confirm') return one
  return only(latest.filter(({ isConfirmed }) => !isConfirmed))
}

const only = <T>(list: readonly T[]): T | null => (list.length === 1 ? (list[0] ?? null) : null)

const keyOf = ({ organizationId, appointmentId }: Pick<Question, 'organizationId' | 'appointmentId'>): string =>
  JSON.stringify([organizationId, appointmentId])

/** Of several messages about one appointment, the last that asked; nearest start first. */
export function latestOfEach<Q extends Question>(questions: readonly Q[]): Q[] {
  const latest = new Map<string, Q>()
  for (const one of questions) {
    const known = latest.get(keyOf(one))
    if (known === undefined || known.askedAt <= one.askedAt) latest.set(keyOf(one), one)
  }
  return [...latest.values()].toSorted((one, other) => one.startsAt.getTime() - other.startsAt.getTime())
}

/** By which of our senders: what a provider chose by itself answers to any. */
export const askedBy = (question: Pick<Question, 'sender'>, sender: string | null): boolean =>
  sender === null || question.sender === null || question.sender === sender

export type AskedAppointment = Pick<Question, 'organizationId' | 'appointmentId'>

/**
 * The code of an appointment among the open questions to an address: the one it has, else the first free one from a place that
 * depends on the appointment, so that two that are asked about at the same moment rarely get the same. Null: all are taken.
 */
export function codeFor(about: AskedAppointment, open: readonly (AskedAppointment & { readonly code: string })[]) {
  const own = open.find((one) => keyOf(one) === keyOf(about))
  if (own !== undefined) return own.code
  const taken = new Set(open.map(({ code }) => code))
  const first = hashOf(keyOf(about)) % codes.length
  return [...codes.slice(first), ...codes.slice(0, first)].find((code) => !taken.has(code)) ?? null
}

/** Whether a message has to show its code: another appointment is asked about at the same address. */
export const needsCode = (about: AskedAppointment, open: readonly AskedAppointment[]): boolean =>
  open.some((one) => keyOf(one) !== keyOf(about))

const hashOf = (text: string): number =>
  [...text].reduce((hash, letter) => (hash * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003, 7)

/** What a person answered last about an appointment. It counts for the start that it was given for. */
export type StandingAnswer = {
  readonly recipient: { readonly type: string; readonly id: number | string }
  readonly action: AnswerAction
}

export const isConfirmedBy = (
  answers: readonly StandingAnswer[],
  recipient: { readonly type: string; readonly id: number | string },
): boolean =>
  answers.some(
    (one) =>
      one.action === 'confirm' &&
      one.recipient.type === recipient.type &&
      String(one.recipient.id) === String(recipient.id),
  )

type Planned = {
  readonly recipient: { readonly type: string; readonly id: number | string }
  readonly channel: string
  readonly reminderTime: Date
}

/** Reminders that will not be sent, because the person has confirmed. */
export function needlessOf<P extends Planned>(
  reminders: readonly P[],
  answers: readonly StandingAnswer[],
  policy: ConfirmedReminderPolicy,
): P[] {
  if (policy === 'keep' || answers.length === 0) return []
  const confirmed = reminders.filter(({ recipient }) => isConfirmedBy(answers, recipient))
  if (policy === 'none') return confirmed
  const isOfSame = (one: P, other: P) =>
    one.channel === other.channel &&
    one.recipient.type === other.recipient.type &&
    one.recipient.id === other.recipient.id
  return confirmed.filter((one) =>
    confirmed.some((other) => isOfSame(one, other) && one.reminderTime < other.reminderTime),
  )
}
