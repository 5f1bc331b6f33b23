import { z } from 'zod'
import { locale } from '../schemas/common.ts'
import english from './locales/en.json' with { type: 'json' }
import { type TextKey, textKeys } from './texts.ts'

/** The texts of a language: `src/messages/locales/*.json`, or a host's own. */
export type LanguageFile = {
  /** BCP 47 tag: `de`, `zh-Hant`, `pt-PT`. */
  readonly language: string
  /** Who has read the texts and speaks the language. Null: nobody yet. */
  readonly readBy: string | null
  readonly note?: string | undefined
  /** ICU messages by key. Keys that are left out have the texts that the library has of the language. */
  readonly texts: Readonly<Partial<Record<TextKey, string>>>
}

/** The files of a host. */
export const languageFiles: z.ZodType<readonly LanguageFile[]> = z.array(
  z.strictObject({
    language: locale.transform((tag) => new Intl.Locale(tag).toString()),
    readBy: z.string().min(1).max(200).nullable(),
    note: z.string().optional(),
    texts: z.partialRecord(z.enum(textKeys), z.string().max(2000)),
  }),
)

/** The source of all others. */
export const source: Omit<LanguageFile, 'texts'> & { readonly texts: Readonly<Record<TextKey, string>> } = english

type Loader = () => Promise<{ readonly default: LanguageFile }>

/**
 * A chunk each, loaded when somebody is written to in the language. The paths are written out, because what bundles the library finds
 * them by that.
 */
export const loaders: ReadonlyMap<string, Loader> = new Map<string, Loader>([
  ['ar', () => import('./locales/ar.json', { with: { type: 'json' } })],
  ['bn', () => import('./locales/bn.json', { with: { type: 'json' } })],
  ['de', () => import('./locales/de.json', { with: { type: 'json' } })],
  ['es', () => import('./locales/es.json', { with: { type: 'json' } })],
  ['fa', () => import('./locales/fa.json', { with: { type: 'json' } })],
  ['fr', () => import('./locales/fr.json', { with: { type: 'json' } })],
  ['hi', () => import('./locales/hi.json', { with: { type: 'json' } })],
  ['it', () => import('./locales/it.json', { with: { type: 'json' } })],
  ['ko', () => import('./locales/ko.json', { with: { type: 'json' } })],
  ['nl', () => import('./locales/nl.json', { with: { type: 'json' } })],
  ['pl', () => import('./locales/pl.json', { with: { type: 'json' } })],
  ['pt', () => import('./locales/pt.json', { with: { type: 'json' } })],
  ['ro', () => import('./locales/ro.json', { with: { type: 'json' } })],
  ['ru', () => import('./locales/ru.json', { with: { type: 'json' } })],
  ['tr', () => import('./locales/tr.json', { with: { type: 'json' } })],
  ['uk', () => import('./locales/uk.json', { with: { type: 'json' } })],
  ['vi', () => import('./locales/vi.json', { with: { type: 'json' } })],
  ['zh-Hans', () => import('./locales/zh-Hans.json', { with: { type: 'json' } })],
  ['zh-Hant', () => import('./locales/zh-Hant.json', { with: { type: 'json' } })],
])

/**
 * Those of the library's languages that somebody who speaks them has read, so that they are used without being switched on. A list, so that
 * nothing has to be loaded to know it.
 */
export const readLanguages: readonly string[] = ['en']
