import { type MessageFormatElement, parse, TYPE } from '@formatjs/icu-messageformat-parser'
import { type Filled, filled, type Meaning } from './icu.ts'

/** Parts that the texts of a language are made of: written `{with}` in another text, they stand there. */
export const partKeys = ['your', 'your_inner', 'an', 'with', 'at', 'when'] as const

/** Of each category and of a reschedule that is about more than the time (`change`). */
const noticeKeys = ['confirmation', 'reminder', 'cancellation', 'reschedule', 'waitlist', 'change'] as const

/** Each text of a language. */
export const textKeys = [
  ...partKeys,
  'greeting',
  'time',
  'sms',
  'date_line',
  'time_line',
  'practitioner_line',
  'location_line',
  'phone',
  'video',
  ...noticeKeys.flatMap((notice) => [
    `${notice}.subject` as const,
    `${notice}.lead` as const,
    `${notice}.closing` as const,
    `${notice}.sms` as const,
  ]),
  // Before the list of what is on that day.
  'reminder.several',
  // Said after a confirmation to whoever was told of a cancellation before.
  'confirmation.again',
  // Of an event in a calendar.
  'calendar.summary',
  'news.time',
  'news.place',
  'news.practitioner',
  'list.comma',
  'list.and',
  'stop.hint',
  'stop.done',
  'help.answer',
  'answer.hint',
  'answer.confirm',
  'answer.change',
  'answer.courtesy',
  'page.title',
  'page.save',
  'page.saved',
  'page.intro',
  'page.for_all',
  'page.email',
  'page.sms',
  'page.confirmation',
  'page.reminder',
  'page.cancellation',
  'page.reschedule',
  'page.waitlist',
  'page.offsets',
  'page.other_address',
  'page.other_number',
  'page.proof_hint',
  'page.proof_sent',
  'page.proof_unusable',
  'page.later',
  'page.language',
  'page.stop_all',
  'page.stopped',
  'page.confirm',
  'page.confirm_done',
  'page.calendar',
  'page.change',
  'page.change_done',
  'page.cancel',
  'page.cancel_done',
  'page.outdated',
  'page.unsubscribe',
  'page.unsubscribe_text',
  'page.unsubscribed',
  'page.contact',
  'page.contact_text',
  'page.contact_done',
  'page.gone',
  'page.gone_text',
  'proof.text',
  'minutes',
] as const
export type TextKey = (typeof textKeys)[number]

/** What texts may name. */
export const textVariables = [
  'recipient',
  'organization',
  'practitioner',
  'location',
  'patient',
  'link',
  'day',
  'time',
  'clock',
  'zone',
  'news',
  'sentence',
  'first',
  'last',
  'minutes',
  'kind',
  'address',
  // What to reply.
  'confirm',
  'change',
  // For selects only.
  'near',
  'hour',
  'mode',
  'reader',
] as const
export type TextVariable = (typeof textVariables)[number]
export type TextValues = Readonly<Partial<Record<TextVariable, string | number>>>

/** A text with its values: '' is a value that is not known, for which a select has the case `none`. */
export type Text = Filled<TextValues>
export type Texts = Readonly<Record<TextKey, Text>>

/** The text as it was written. */
type Sources = Readonly<Record<TextKey, string>>
type Parts = ReadonlyMap<string, readonly MessageFormatElement[]>

const isVariable = (name: string): name is TextVariable => textVariables.some((one) => one === name)

/** The words of a list as a language has it. */
export const wordList = (text: string): string[] => text.split(',').map((word) => word.trim())

/** Texts that cannot be used, and why. */
export class LanguageFault extends Error {}

const textFault = ({ language, key }: { readonly language: string; readonly key: TextKey }, message: string) =>
  new LanguageFault(`the text "${key}" of "${language}" ${message}.`)

/**
 * The texts of a language, ready to be filled in.
 * @throws LanguageFault for a text that is no ICU message, or names what texts do not know.
 */
export function compileTexts(language: string, sources: Sources): Texts {
  const parsed = (key: TextKey) => {
    try {
      return parse(sources[key], { ignoreTag: true })
    } catch (error) {
      throw textFault(
        { language, key },
        `is no valid ICU message (${error instanceof Error ? error.message : String(error)})`,
      )
    }
  }
  const parts: Parts = new Map(partKeys.map((key) => [key, parsed(key)]))
  const texts = textKeys.map((key) => {
    const isPart = partKeys.some((part) => part === key)
    const elements = parsed(key)
    if (key.endsWith('.subject') && elements.some(({ type }) => type !== TYPE.literal)) {
      throw textFault({ language, key }, 'is a subject, which is plain text: the date is put behind it')
    }
    const text = filled(elements, meaningIn({ key, language, parts: isPart ? new Map() : parts }))
    return [key, (values: TextValues) => withOneStop(text(values))] as const
  })
  return requireAll(Object.fromEntries(texts))
}

/** A time such as "2:00 p.m." ends a sentence by itself. */
const withOneStop = (text: string): string => (text.includes('..') ? text.replace(/(?<!\.)\.\.(?= |$)/g, '.') : text)

function requireAll(texts: Partial<Record<TextKey, Text>>): Texts {
  const has = (all: Partial<Record<TextKey, Text>>): all is Texts => textKeys.every((key) => all[key] !== undefined)
  if (has(texts)) return texts
  throw new TypeError('A language lacks texts.')
}

type Surroundings = { readonly key: TextKey; readonly language: string; readonly parts: Parts }

function meaningIn(around: Surroundings): Meaning<TextValues> {
  const { parts, language } = around
  const variable = (name: string): TextVariable => {
    if (isVariable(name)) return name
    throw textFault(
      around,
      `names {${name}}, which is not known; known are ${textVariables.map((one) => `{${one}}`).join(', ')}`,
    )
  }
  const text = (name: string): Text => {
    const known = variable(name)
    return (values) => String(values[known] ?? '')
  }
  return {
    text: (name) => {
      const part = parts.get(name)
      return part === undefined ? text(name) : filled(part, meaningIn({ ...around, parts: new Map() }))
    },
    choice: (name) => {
      const value = text(name)
      return (values) => {
        const own = value(values)
        // Nobody called "none" goes without a greeting.
        return own === '' ? 'none' : own === 'none' ? 'other' : own
      }
    },
    count: (name) => {
      const known = variable(name)
      return (values) => Number(values[known] ?? 0)
    },
    formatted: () => {
      throw textFault(around, 'formats a date, time or number: all values are text, write {day} or {time}')
    },
    locale: () => language,
  }
}
