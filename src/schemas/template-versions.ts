import { type Channel, channelOf, channels } from '../channels/index.ts'
import type { Actor } from './audit.ts'
import { nameOf, type Place, templatesPlace, valueAt, withValueAt } from './channel-settings.ts'
import type { SettingsValues } from './settings.ts'

/** The settings that hold texts: those of each channel, and what they are made of. */
const textPlaces: readonly Place[] = [
  ['templatePartials'],
  ...channels.filter((one: Channel) => channelOf(one).content.kind === 'text').map(templatesPlace),
]

/** All texts of an organization, by the names of the settings that hold them; null where there is none. */
export type TemplateContent = Pick<SettingsValues, 'emailTemplates' | 'smsTemplates' | 'templatePartials'> & {
  readonly channels?: SettingsValues['channels']
}

const noContent: TemplateContent = { emailTemplates: null, smsTemplates: null, templatePartials: null }

export const contentOf = (values: TemplateContent): TemplateContent =>
  textPlaces.reduce((content, place) => {
    const value = valueAt(values, place) ?? null
    // A channel that an organization does not have stays away.
    return value === null && place.length > 1 && valueAt(values, [place[0]]) == null
      ? content
      : withValueAt(content, place, isBlank(value) ? null : value)
  }, noContent)

const isBlank = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0

/** Two values that say the same, whatever they were written as. */
export const isSameContent = (one: TemplateContent, other: TemplateContent): boolean =>
  JSON.stringify(contentOf(one)) === JSON.stringify(contentOf(other))

export const hasContent = (values: TemplateContent): boolean => !isSameContent(values, noContent)

/** A version of an organization's templates: a draft, or one that was published. */
export type TemplateVersion = {
  /** Number of the version; each organization counts from 1. */
  readonly version: number
  /** The version that was published when this one was written; null: none. */
  readonly basedOn: number | null
  readonly createdAt: Date
  readonly createdBy: Actor
  /** Null: it is a draft. */
  readonly publishedAt: Date | null
  readonly publishedBy: Actor | null
}

/** A text that differs between two versions; null: the version has none there. */
export type TextChange = { readonly field: string; readonly from: string | null; readonly to: string | null }

/** Text by text, each by its path: `emailTemplates.appointment_reminder.body`. */
export function changesBetween(from: TemplateContent, to: TemplateContent): TextChange[] {
  const [before, after] = [textsOf(from), textsOf(to)]
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((field) => {
    const change = { field, from: before.get(field) ?? null, to: after.get(field) ?? null }
    return change.from === change.to ? [] : [change]
  })
}

const textsOf = (content: TemplateContent): ReadonlyMap<string, string> =>
  new Map(
    textPlaces.flatMap((place) =>
      Object.entries(valueAt(content, place) ?? {}).flatMap(([name, value]) => {
        const field = `${nameOf(place)}.${name}`
        // The string of a template is its body.
        return leaves(
          value,
          typeof value === 'string' && nameOf(place) !== 'templatePartials' ? `${field}.body` : field,
        )
      }),
    ),
  )

function leaves(value: unknown, field: string): (readonly [string, string])[] {
  if (typeof value === 'string') return [[field, value]]
  if (Array.isArray(value)) return value.flatMap((one: unknown, index) => leaves(one, `${field}[${index}]`))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, one]) => leaves(one, `${field}.${name}`))
}
