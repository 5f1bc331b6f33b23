import { type MessageFormatElement, type PluralElement, parse, TYPE } from '@formatjs/icu-messageformat-parser'
import { formatters } from './formatters.ts'

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
  'news.time',
  'news.place',
  'news.practitioner',
  'list.comma',
  'list.and',
  'stop.hint',
  'stop.done',
  'help.answer',
  'page.title',
  'page.save',
  'page.saved',
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
  // For selects only.
  'near',
  'hour',
  'mode',
] as const
export type TextVariable = (typeof textVariables)[number]
export type TextValues = Readonly<Partial<Record<TextVariable, string | number>>>

/** A text with its values: '' is a value that is not known, for which a select has the case `none`. */
export type Text = (values: TextValues) => string
export type Texts = Readonly<Record<TextKey, Text>>

/** The text as it was written. */
type Sources = Readonly<Record<TextKey, string>>
type Parts = ReadonlyMap<string, readonly MessageFormatElement[]>

const isVariable = (name: string): name is TextVariable => textVariables.some((one) => one === name)

/** Texts that cannot be used, and why. */
export class LanguageFault extends Error {}

const textFault = ({ language, key }: { readonly language: string; readonly key: TextKey }, message: string) =>
  new LanguageFault(`the text "${key}" of "${language}" ${message}.`)

/**
 * The texts of a language, ready to be filled in. Not by `IntlMessageFormat`: a text is a chain of functions here, made once, for
 * every message goes through four or five of them.
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
    return [key, chain(elements, { key, language, parts: isPart ? new Map() : parts })] as const
  })
  return requireAll(Object.fromEntries(texts))
}

function requireAll(texts: Partial<Record<TextKey, Text>>): Texts {
  const has = (all: Partial<Record<TextKey, Text>>): all is Texts => textKeys.every((key) => all[key] !== undefined)
  if (has(texts)) return texts
  throw new TypeError('A language lacks texts.')
}

type Surroundings = { readonly key: TextKey; readonly language: string; readonly parts: Parts }

function chain(elements: readonly MessageFormatElement[], around: Surroundings, counted?: TextVariable): Text {
  const [first, ...others] = elements.map((element) => link(element, around, counted))
  if (first === undefined) return () => ''
  if (others.length === 0) return first
  return (values) => {
    let text = first(values)
    for (const other of others) text += other(values)
    return text
  }
}

function link(element: MessageFormatElement, around: Surroundings, counted: TextVariable | undefined): Text {
  const { parts, language } = around
  const variable = (name: string): TextVariable => {
    if (isVariable(name)) return name
    throw textFault(
      around,
      `names {${name}}, which is not known; known are ${textVariables.map((one) => `{${one}}`).join(', ')}`,
    )
  }
  switch (element.type) {
    case TYPE.literal:
      return () => element.value
    case TYPE.pound: {
      const numbers = formatters.getNumberFormat(language)
      return (values) => numbers.format(counted === undefined ? 0 : Number(values[counted] ?? 0))
    }
    case TYPE.argument: {
      const part = parts.get(element.value)
      if (part !== undefined) return chain(part, { ...around, parts: new Map() })
      const name = variable(element.value)
      return (values) => String(values[name] ?? '')
    }
    case TYPE.select: {
      const name = variable(element.value)
      const cases = casesOf(element.options, around, counted)
      return (values) => {
        const value = String(values[name] ?? '')
        // Nobody called "none" goes without a greeting.
        const own = value === '' ? cases.get('none') : value === 'none' ? undefined : cases.get(value)
        return (own ?? cases.get('other'))?.(values) ?? ''
      }
    }
    case TYPE.plural:
      return plural(element, variable(element.value), around)
    default:
      throw textFault(around, 'formats a date, time or number: all values are text, write {day} or {time}')
  }
}

function plural({ options, pluralType, offset }: PluralElement, name: TextVariable, around: Surroundings): Text {
  const cases = casesOf(options, around, name)
  const rules = formatters.getPluralRules(around.language, { type: pluralType ?? 'cardinal' })
  return (values) => {
    const count = Number(values[name] ?? 0)
    const found = cases.get(`=${count}`) ?? cases.get(rules.select(count - offset)) ?? cases.get('other')
    return found?.(values) ?? ''
  }
}

const casesOf = (
  options: PluralElement['options'],
  around: Surroundings,
  counted: TextVariable | undefined,
): ReadonlyMap<string, Text> =>
  new Map(Object.entries(options).map(([name, { value }]) => [name, chain(value, around, counted)]))
