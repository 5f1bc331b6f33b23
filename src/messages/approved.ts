import { type FieldIssue, issuesInWords, NotificationError } from '../errors.ts'
import {
  type ApprovedTemplate,
  type ApprovedTemplateSet,
  type FilledTemplate,
  languageOfValues,
} from '../schemas/approved-templates.ts'
import { type Category, categories, templateKeyOf } from '../schemas/vocabulary.ts'
import { sampleFacts } from './check.ts'
import { hashOf, hex } from './compile.ts'
import { isolateEnd } from './direction.ts'
import { atLevel, type MessageFacts, type RenderedMessage } from './facts.ts'
import type { ApprovedFormat, SizeLimit, Templated } from './format.ts'
import { isTooLong } from './size.ts'
import { unknownVariable } from './template-problems.ts'
import { isVariable, meaningOf } from './variables.ts'

/** `{{1}}`, and what stands between two such braces by mistake. */
const placeholder = /\{\{([^{}]*)\}\}/g

/** What is not known: providers take no empty value. */
const unknownValue = '-'

type Parameter = FilledTemplate['parameters'][number]

/** One line each without runs of blanks, as providers demand of a value, and no longer than it may be. */
function parametersOf(names: readonly string[], facts: MessageFacts, longest: number): Parameter[] {
  const meaning = meaningOf(new Set(names))
  return names.map((name) => {
    const text = meaning.text(name)(facts).replace(/\s+/g, ' ').trim()
    return { name, value: text === '' ? unknownValue : cut(text, longest) }
  })
}

/** Never ends in half a surrogate pair, or within an isolate. */
function cut(text: string, longest: number): string {
  if (text.length <= longest) return text
  const end = longest > 2 && text.endsWith(isolateEnd) ? `…${isolateEnd}` : '…'
  return `${text.slice(0, longest - end.length).replace(/\p{Cs}$/u, '')}${end}`
}

const filled = (body: string, parameters: readonly Parameter[]): string =>
  body.replace(placeholder, (whole, number) => parameters[Number(number) - 1]?.value ?? whole)

/** Where it would be too long, its longest value is cut, then the next: a shortened place is better than no message. */
function fitted(body: string, all: readonly Parameter[], limit: SizeLimit): readonly Parameter[] {
  const longest = Math.max(0, ...all.map(({ value }) => value.length))
  const excess = limit.sizeOf(filled(body, all)) - limit.most
  if (excess <= 0 || longest < 2) return all
  const at = all.findIndex(({ value }) => value.length === longest)
  const shorter = all.map((one, index) =>
    index === at ? { ...one, value: cut(one.value, Math.max(1, longest - excess)) } : one,
  )
  return fitted(body, shorter, limit)
}

/**
 * The message of an approved template: its text with the values, and these in the order of the template. Dates and times are in the
 * language of the template.
 */
export function renderApproved(
  format: ApprovedFormat,
  template: ApprovedTemplate,
  known: MessageFacts,
): RenderedMessage {
  const { name, language, body, variables } = template
  const facts = atLevel({ ...known, locale: languageOfValues(template, known.locale) })
  const parameters = fitted(body, parametersOf(variables, facts, format.longestValue), format.limit)
  return {
    subject: null,
    text: filled(body, parameters),
    html: null,
    template: { name, language, parameters },
    templateRevision: `approved:${hex(hashOf(JSON.stringify([name, language, body, variables])))}`,
  }
}

/**
 * Checks what an organization names as approved templates, before it is stored. `transport`: who would send; null: nobody yet.
 * @throws NotificationError `template_invalid` with every fault and its field: unknown or repeated variables, numbers that are
 * missing or out of order, another count than variables, a language twice, a name that the provider cannot have, a text that is
 * too long with usual values.
 */
export function checkApproved(
  { content, field }: Templated<ApprovedFormat>,
  templates: ApprovedTemplateSet,
  transport: string | null,
): void {
  const issues = categories.flatMap((category) => {
    const key = templateKeyOf[category]
    const ofKey = templates[key] ?? []
    return ofKey.flatMap((template, index): FieldIssue[] => {
      const at = `${field}.${key}[${index}]`
      const nameFault = content.nameFault(template.name, transport)
      const isAgain = ofKey.findIndex(({ language }) => language === template.language) < index
      return [
        ...(isAgain ? [{ field: `${at}.language`, message: `is "${template.language}" a second time` }] : []),
        ...(nameFault === null ? [] : [{ field: `${at}.name`, message: nameFault }]),
        ...variableFaults(template, at),
        ...bodyFaults(template, category, content).map((message) => ({ field: `${at}.body`, message })),
      ]
    })
  })
  if (issues.length === 0) return
  throw new NotificationError('template_invalid', `Invalid template: ${issuesInWords(issues)}.`, { issues })
}

const variableFaults = ({ variables }: ApprovedTemplate, at: string): FieldIssue[] =>
  variables.flatMap((name, index) => {
    const first = variables.indexOf(name)
    const message = !isVariable(name)
      ? `is wrong: ${unknownVariable(name)}`
      : first < index
        ? `is {${name}} a second time: the text repeats a value by its number, {{${first + 1}}}`
        : null
    return message === null ? [] : [{ field: `${at}.variables[${index}]`, message }]
  })

function bodyFaults(
  { language, body, variables, ...rest }: ApprovedTemplate,
  category: Category,
  format: ApprovedFormat,
) {
  const written = [...body.matchAll(placeholder)].map(([, text = '']) => text.trim())
  const strange = written.find((text) => !/^[1-9]\d?$/.test(text))
  if (strange !== undefined) return [`has {{${strange.slice(0, 50)}}}: variables are numbers, {{1}} and on`]
  if (/[{}]/.test(body.replace(placeholder, ''))) return ['has a single brace: variables are written {{1}}']
  const numbers = [...new Set(written.map(Number))]
  const wrong = numbers.findIndex((number, index) => number !== index + 1)
  if (wrong >= 0) {
    const expected = `{{${wrong + 1}}}`
    const isLater = numbers.includes(wrong + 1)
    return [
      isLater
        ? `has {{${numbers[wrong]}}} before ${expected}: variables are numbered in the order in which they appear`
        : `has {{${numbers[wrong]}}} and no ${expected}: variables are numbered from 1, and none is left out`,
    ]
  }
  if (numbers.length !== variables.length) {
    return [`has ${numbers.length} variables, and "variables" lists ${variables.length}`]
  }
  if (!variables.every(isVariable)) return []
  const { longestValue, limit } = format
  const facts = { ...sampleFacts(category), locale: languageOfValues({ language, body, variables, ...rest }, null) }
  const text = filled(body, parametersOf(variables, facts, longestValue))
  if (!isTooLong(limit, text)) return []
  return [`with usual values it has ${limit.sizeOf(text)} ${limit.unit}, and a message has at most ${limit.most}`]
}
