import { type Block, hrefOf, type Inline } from './document.ts'

// Our own, since what there is prints HTML, knows far more than is wanted here (images, HTML, tables), and draws in up to half a
// megabyte. Every pass goes over the text once.

const punctuation = /[!-/:-@[-`{-~]/g

/**
 * Stands before each value, so that none makes a sign of what stands around it, not even an empty one: `{duration_minutes}. Please come` is no item of a
 * list. Templates and values have no such character (`cleanTemplate`, `cleanValue`), and `trim` takes it for a blank.
 */
const valueMark = '\v'

/** A value as it stands in Markdown, where it is words and nothing else. */
export const escapeMarkdown = (value: string): string => valueMark + value.replace(punctuation, '\\$&')

/** A link as it stands there, whether as words or as where a link leads. */
export const escapeLink = (url: string): string => valueMark + url.replace(/[\\*[\]()]/g, '\\$&')

/** Blanks at the beginning of a line that are no mark. */
const indent = '[^\\S\\v]*'
const heading = new RegExp(`^${indent}(#{1,3}) +(?=[\\S\\v])`)
const item = new RegExp(`^${indent}(?:([-*])|\\d{1,3}[.)]) +(?=[\\S\\v])`)

type Open = { readonly kind: 'paragraph' | 'bullets' | 'numbers'; readonly parts: string[][] }

/**
 * Reads paragraphs, line breaks, `# headings`, `- lists`, `1. lists`, `**bold**` and `[words](link)`. All else, HTML too, is words; `\`
 * before a sign makes it one. A link to anywhere but `https:`, `mailto:` and `tel:` is written out, and `found` hears of it.
 */
export function readMarkdown(text: string, found: (link: string) => void = () => {}): Block[] {
  const blocks: Block[] = []
  const open: Open[] = []
  const close = (): void => {
    for (const one of open.splice(0)) blocks.push(...blockOf(one, found))
  }
  const opened = (kind: Open['kind']): Open => {
    if (open[0]?.kind !== kind) close()
    const [one = { kind, parts: [] }] = open
    if (open.length === 0) open.push(one)
    return one
  }
  for (const written of text.split('\n')) {
    const line = written.trim()
    const [sign, marks] = heading.exec(written) ?? []
    const [mark, bullet] = item.exec(written) ?? []
    if (line === '') close()
    else if (sign !== undefined && marks !== undefined) {
      close()
      const level = marks.length === 1 ? 1 : marks.length === 2 ? 2 : 3
      const words = readInline(written.slice(sign.length).trim(), found)
      if (words.length > 0) blocks.push({ kind: 'heading', level, words })
    } else if (mark !== undefined) {
      opened(bullet === undefined ? 'numbers' : 'bullets').parts.push([written.slice(mark.length).trim()])
    } else if (open[0] !== undefined) open[0].parts.at(-1)?.push(line)
    else opened('paragraph').parts.push([line])
  }
  close()
  return blocks
}

/** None where values of which it is made are empty. */
function blockOf({ kind, parts }: Open, found: (link: string) => void): Block[] {
  const items = parts.map((lines) => readInline(lines.join('\n'), found)).filter((words) => words.length > 0)
  if (kind === 'paragraph') return items.map((words) => ({ kind, words }))
  return items.length === 0 ? [] : [{ kind: 'list', isNumbered: kind === 'numbers', items }]
}

/** Signs that mean something, what `\` makes a word, and words. */
const pieces = /\\[!-/:-@[-`{-~]|\*\*|\[|\]\(|\)|[^\\*[\])]+|[\s\S]/g
const signs: ReadonlySet<string> = new Set(['**', '[', '](', ')'])

const isEscape = (piece: string): boolean => piece.length === 2 && piece.startsWith('\\')
const plain = (piece: string): string => (isEscape(piece) ? piece.slice(1) : piece.replaceAll(valueMark, ''))
/** A sign of a value must not lead elsewhere; `*` and brackets lead nowhere, and stay as they are. */
const inLink = (piece: string): string => (isEscape(piece) ? encodeURIComponent(piece.slice(1)) : plain(piece))

function nextSign(all: readonly string[], from: number): number {
  let at = from
  while (at < all.length && !signs.has(all[at] ?? '')) at += 1
  return at
}

function readInline(text: string, found: (link: string) => void): Inline[] {
  const all: readonly string[] = text.match(pieces) ?? []
  const out: Inline[] = []
  const lastBold = all.filter((piece) => piece === '**').length % 2 === 0 ? -1 : all.lastIndexOf('**')
  let isBold = false
  /** Where the words of a link may have begun. */
  let begin: number | null = null
  for (let at = 0; at < all.length; at += 1) {
    const piece = all[at] ?? ''
    if (piece === '**' && at !== lastBold) {
      isBold = !isBold
      continue
    }
    const end = piece === '](' && begin !== null ? nextSign(all, at + 1) : 0
    if (begin !== null && all[end] === ')' && end > at) {
      const label = out.splice(begin).slice(1)
      out.push(
        ...linkOf(
          label,
          all
            .slice(at + 1, end)
            .map(inLink)
            .join(''),
          found,
        ),
      )
      begin = null
      at = end
      continue
    }
    if (piece === '[') begin = out.length
    const words = plain(piece)
    if (words !== '') out.push({ text: words, ...(isBold && { isBold }) })
  }
  return joined(out)
}

function linkOf(label: readonly Inline[], target: string, found: (link: string) => void): Inline[] {
  const href = hrefOf(target)
  const isUnseen = label.every(({ text }) => text.trim() === '')
  if (href !== null) return isUnseen ? [{ text: target, href }] : joined(label).map((one) => ({ ...one, href }))
  if (target.trim() === '') return [...label]
  found(target)
  return isUnseen ? [{ text: target }] : [...label, { text: ` (${target})` }]
}

/** Neighbours of one style as one. */
function joined(all: readonly Inline[]): Inline[] {
  const out: Inline[] = []
  let texts: string[] = []
  let style: Inline | null = null
  const flush = (): void => {
    if (style !== null) out.push({ ...style, text: texts.join('') })
    texts = []
  }
  for (const one of all) {
    if (style === null || one.isBold !== style.isBold || one.href !== style.href) {
      flush()
      style = one
    }
    texts.push(one.text)
  }
  flush()
  return out
}
