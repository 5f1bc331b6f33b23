import { withElements, withoutMarks } from './direction.ts'
import { escapeHtml, htmlPage } from './text.ts'

/** Words of a block, in pieces of one style each. `\n` is a line break; isolates stand around values (`isolated`). */
export type Inline = {
  readonly text: string
  readonly isBold?: boolean
  /** Where it leads: `https:`, `mailto:` or `tel:`, and nothing else. */
  readonly href?: string
}

/** `line`: both as plain text has them. A null label: the value says it all. */
export type Fact = { readonly label: string | null; readonly value: string; readonly line: string }

/** A link that is a button. */
export type Button = { readonly label: string; readonly href: string }

/** A part of a message: a paragraph, heading, list, buttons, or the facts of the appointment. */
export type Block =
  | { readonly kind: 'paragraph'; readonly words: readonly Inline[] }
  /** `level`: 1 is the largest. */
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3; readonly words: readonly Inline[] }
  | { readonly kind: 'list'; readonly isNumbered: boolean; readonly items: readonly (readonly Inline[])[] }
  | { readonly kind: 'buttons'; readonly buttons: readonly Button[] }
  /** When, with whom and where. */
  | { readonly kind: 'facts'; readonly facts: readonly Fact[] }

/**
 * What a message says, before it is printed: as plain text (`textOfDocument`), or as HTML, by `blocksHtml` and whatever stands around
 * that. Nothing in it is escaped yet.
 */
export type MessageDocument = {
  /** One line that mail programs show beside the subject; null: none. */
  readonly preheader: string | null
  readonly blocks: readonly Block[]
}

/** A plain text as a document: a paragraph between blank lines. */
export const documentOf = (text: string): MessageDocument => ({
  preheader: null,
  blocks: text
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== '')
    .map((paragraph) => ({ kind: 'paragraph', words: [{ text: paragraph }] })),
})

const linked = /^(?:https:\/\/[^\s/]|mailto:[^\s]|tel:[+\d])/i
/** What may not stand in a link as it is. */
const outside = /[\s\p{Cc}\p{Cs}<>"`\\]/gu

/** A text as where a link leads; null: it is none that a message may have. */
export function hrefOf(text: string): string | null {
  const href = withoutMarks(text.trim()).replace(outside, (character) =>
    /\p{Cs}/u.test(character) ? '' : encodeURIComponent(character),
  )
  return linked.test(href) && URL.canParse(href) ? href : null
}

const inText = ({ text, href }: Inline): string =>
  href === undefined || href === text || href === `mailto:${text}` || href === `tel:${text}` ? text : `${text}: ${href}`

const lineOf = (words: readonly Inline[]): string => words.map(inText).join('')

function blockText(block: Block): string {
  switch (block.kind) {
    case 'list':
      return block.items
        .map((words, index) => `${block.isNumbered ? `${index + 1}.` : '-'} ${lineOf(words)}`)
        .join('\n')
    case 'buttons':
      return block.buttons.map(({ label, href }) => `${label}: ${href}`).join('\n')
    case 'facts':
      return block.facts.map(({ line }) => line).join('\n')
    default:
      return lineOf(block.words)
  }
}

/** For an SMS, and beside the HTML of a mail: links are written out. */
export const textOfDocument = ({ blocks }: MessageDocument): string => blocks.map(blockText).join('\n\n')

const escaped = (text: string): string => withElements(escapeHtml(text)).replaceAll('\n', '<br>')

function inHtml({ text, isBold, href }: Inline): string {
  const words = isBold ? `<strong>${escaped(text)}</strong>` : escaped(text)
  return href === undefined ? words : `<a href="${escapeHtml(href)}">${words}</a>`
}

export const wordsHtml = (words: readonly Inline[]): string => words.map(inHtml).join('')

export function blockHtml(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return `<p>${wordsHtml(block.words)}</p>`
    case 'heading':
      return `<h${block.level}>${wordsHtml(block.words)}</h${block.level}>`
    case 'list': {
      const element = block.isNumbered ? 'ol' : 'ul'
      return `<${element}>${block.items.map((words) => `<li>${wordsHtml(words)}</li>`).join('')}</${element}>`
    }
    case 'buttons':
      return `<p>${block.buttons.map(({ label, href }) => inHtml({ text: label, href })).join(' ')}</p>`
    case 'facts':
      return `<p>${escaped(blockText(block))}</p>`
  }
}

/** The blocks one after another, without what stands around them. */
export const blocksHtml = ({ blocks }: MessageDocument): string => blocks.map(blockHtml).join('\n')

/** Hidden where the mail is opened. */
const preheaderHtml = (preheader: string | null): string =>
  preheader === null
    ? ''
    : `<div style="display:none;max-height:0;overflow:hidden">${withElements(escapeHtml(preheader))}</div>`

/** A minimal document, as `htmlOf` makes of a text. `language` is a BCP 47 tag. */
export const documentHtml = (document: MessageDocument, language: string): string =>
  htmlPage(`${preheaderHtml(document.preheader)}${blocksHtml(document)}`, language)
