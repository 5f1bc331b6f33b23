import { remember } from '../schemas/remember.ts'

/** What an Intl object weighs, most of it outside the heap of JavaScript; measured at 10 to 50 KB. */
export const intlBytes = 50_000

const fallbackLocale = 'en-US'

/**
 * The locale, then `en-US`: without the second Intl falls back to whatever the host's machine is set to. Nobody writes midnight as "24:00" of
 * the day that begins, whatever tag says so.
 */
const localeBytes = { maxBytes: 200_000, bytesOf: () => 400 }
export const usableLocales = remember(localeBytes, (locale: string): string[] => {
  try {
    return [...Intl.getCanonicalLocales(locale.replace(/-hc-h24\b/i, '-hc-h23')), fallbackLocale]
  } catch {
    return [fallbackLocale]
  }
})

const kept = { maxBytes: 200 * intlBytes, bytesOf: () => intlBytes }

// The options come first in the keys: a locale may hold anything.
const numberFormats = remember(kept, (key: string) => {
  const seam = key.indexOf('\n')
  return new Intl.NumberFormat(usableLocales(key.slice(seam + 1)), JSON.parse(key.slice(0, seam)))
})

/** Shared by all templates and texts. @throws RangeError for options that Intl refuses. */
export const numberFormat = (locale: string, options: object = {}): Intl.NumberFormat =>
  numberFormats(`${JSON.stringify(options)}\n${locale}`)

const rules = {
  cardinal: remember(kept, (locale: string) => new Intl.PluralRules(usableLocales(locale), { type: 'cardinal' })),
  ordinal: remember(kept, (locale: string) => new Intl.PluralRules(usableLocales(locale), { type: 'ordinal' })),
}

/** By which a plural chooses its case. */
export const pluralRules = (locale: string, type: 'cardinal' | 'ordinal'): Intl.PluralRules => rules[type](locale)
