import type { Formatters } from 'intl-messageformat'
import { remember } from '../schemas/remember.ts'

/** What an Intl object weighs, most of it outside the heap of JavaScript; measured at 10 to 50 KB. */
export const intlBytes = 50_000

type Kept = { readonly maxBytes: number; readonly bytesOf: () => number }
const kept: Kept = { maxBytes: 200 * intlBytes, bytesOf: () => intlBytes }

const keyOf = (locales: unknown, options: unknown): string => JSON.stringify([locales, options])

function rememberByOptions<Locales, Options, Intl extends object>(
  make: (locales: Locales, options: Options) => Intl,
): (locales: Locales, options: Options) => Intl {
  let asked: readonly [Locales, Options]
  const found = remember(kept, (_key: string) => make(...asked))
  return (locales, options) => {
    asked = [locales, options]
    return found(keyOf(locales, options))
  }
}

/** Shared by all templates: left to itself every parsed template keeps its own, in each language, for as long as it lives. */
export const formatters: Formatters = {
  getNumberFormat: rememberByOptions(
    (locales?: string | string[], options?: Intl.NumberFormatOptions) => new Intl.NumberFormat(locales, options),
  ),
  getDateTimeFormat: rememberByOptions(
    (locales?: Intl.LocalesArgument, options?: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locales, options),
  ),
  getPluralRules: rememberByOptions(
    (locales?: Intl.LocalesArgument, options?: Intl.PluralRulesOptions) => new Intl.PluralRules(locales, options),
  ),
}
