import type { TemplateSet } from '../schemas/templates.ts'
import { categories, templateKeyOf } from '../schemas/vocabulary.ts'
import { type Making, namedByBody } from './check.ts'
import type { Templated } from './format.ts'
import { partsFor, type Reader, readersOf } from './parts.ts'
import { askVariable, isAnswerLink } from './variables.ts'

/** Templates, and what they are made of. */
type Texts = { readonly templates: TemplateSet; readonly making: Making }

/** `field`: the text that no longer has it, such as `emailTemplates.appointment_reminder.variants[0]`. */
export type DroppedName = { readonly field: string; readonly name: string }

/**
 * What the text of some reader named before and no longer does. Where the built-in text takes over, which says when and where by itself, only
 * what an answer is given by.
 */
export function droppedNames(channel: Templated, before: Texts, after: Texts): DroppedName[] {
  const old = namedByBody(channel, before.templates, before.making)
  const fresh = namedByBody(channel, after.templates, after.making)
  const found = categories.flatMap((category) => {
    const key = templateKeyOf[category]
    const bodyFor = ({ templates }: Texts, reader: Reader) =>
      partsFor(templates, key, channel.field, reader)?.body.field ?? null
    return [before, after]
      .flatMap(({ templates }) => readersOf(templates, key))
      .flatMap((reader): DroppedName[] => {
        const [was, is] = [bodyFor(before, reader), bodyFor(after, reader)]
        const names = [...(was === null ? [] : (old.get(was) ?? []))]
        const gone =
          is === null
            ? names.filter((name) => isAnswerLink(name) || name === askVariable)
            : names.filter((name) => fresh.get(is)?.has(name) !== true)
        const field = is?.replace(/\.body$/, '') ?? `${channel.field}.${key}`
        return gone.map((name) => ({ field, name }))
      })
  })
  return [...new Map(found.map((one) => [JSON.stringify(one), one])).values()]
}
