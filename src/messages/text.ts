import { isRightToLeft, withElements } from './direction.ts'

/** Control characters, line separators and lone surrogates: in a name they forge headers and lines, or break encoders. */
const unsafe = /[\p{Cc}\u2028\u2029\p{Cs}]/gu
const unsafeButLayout = /[^\P{Cc}\n\t]|\p{Cs}/gu
const printableAscii = /^[\x20-\x7e]*$/

/** A value as it may stand in a message: null is '', every unsafe character a space. */
export function cleanValue(value: string | null): string {
  if (value === null) return ''
  return printableAscii.test(value) ? value : value.replace(unsafe, ' ')
}

/** The name of somebody, for transports of every make: one line, or null where nothing is left of it. */
export const cleanName = (name: string | null | undefined): string | null => cleanValue(name ?? null).trim() || null

/** A template's own text: line ends become LF, other unsafe characters but tabs become spaces. */
export function cleanTemplate(text: string): string {
  return text.replace(/\r\n?|[\u2028\u2029]/g, '\n').replace(unsafeButLayout, ' ')
}

/** Narrow and fixed no-break spaces are outside GSM-7: one of them more than doubles the price of an SMS. */
export function plainSpaces(text: string): string {
  return text.replace(/[\u202f\u00a0]/g, ' ')
}

/**
 * Text that a function of the host application returned. @throws TypeError where it is none. What a promise, which nobody awaits, rejects with
 * is dropped: it would end the process.
 */
export function givenText(given: unknown, by: string): string {
  if (typeof given === 'string') return given
  Promise.resolve(given).catch(() => {})
  throw new TypeError(`${by} returned no text`)
}

const subjectMax = 255

const tidyLine = /^[!-~]+(?: [!-~]+)*$/

/** One line, at most 255 UTF-16 units, never ending in half a surrogate pair. */
export function subjectLine(text: string): string {
  const line = tidyLine.test(text) ? text : text.replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ').trim()
  return line.length <= subjectMax
    ? line
    : line
        .slice(0, subjectMax)
        .replace(/\p{Cs}$/u, '')
        .trimEnd()
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const special = /[&<>"']/

export const escapeHtml = (text: string): string =>
  special.test(text) ? text.replace(/[&<>"']/g, (character) => entities[character] ?? '') : text

/**
 * A minimal document: a `<p>` a paragraph (blank lines part them), a `<br>` a line. `language` is a BCP 47 tag, which also says from
 * which side it is read; isolated values are `<bdi>`.
 */
export function htmlOf(text: string, language: string): string {
  const paragraphs = withElements(escapeHtml(text))
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== '')
    .map((paragraph) => `<p>${paragraph.replaceAll('\n', '<br>')}</p>`)
  return htmlPage(paragraphs.join('\n'), language)
}

export function htmlPage(body: string, language: string): string {
  const direction = isRightToLeft(language) ? ' dir="rtl"' : ''
  return `<!doctype html><html lang="${escapeHtml(language)}"${direction}><head><meta charset="utf-8"></head><body>${body}</body></html>`
}
