/** The text of a CREATE TABLE, as SQLite keeps it, changed where ALTER TABLE cannot. */

type Token = {
  readonly start: number
  readonly end: number
  readonly text: string
  readonly kind: 'name' | 'text' | 'other'
}

// What is never closed reaches to the end, so that nobody looks for its end twice.
const pattern =
  /(?<skip>\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|(?<text>'(?:[^']|'')*(?:'|$))|(?<name>"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|[\p{L}_][\p{L}\p{N}_$]*)|(?<other>[\s\S])/gu

function tokensOf(sql: string): Token[] {
  const tokens: Token[] = []
  for (const match of sql.matchAll(pattern)) {
    const { skip, text, name } = match.groups ?? {}
    if (skip !== undefined) continue
    const kind = text !== undefined ? 'text' : name !== undefined ? 'name' : 'other'
    tokens.push({ start: match.index, end: match.index + match[0].length, text: match[0], kind })
  }
  return tokens
}

const nameOf = ({ text }: Token): string => (/^["`[]/.test(text) ? text.slice(1, -1) : text).toLowerCase()
const isWord = (token: Token | undefined, word: string): boolean => token?.text.toLowerCase() === word

/** The index of the parenthesis that closes the one at `open`; -1: none. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let index = open; index < tokens.length; index += 1) {
    if (tokens[index]?.text === '(') depth += 1
    if (tokens[index]?.text === ')') depth -= 1
    if (depth === 0) return index
  }
  return -1
}

/**
 * The definition without CHECKs that list words for one of the columns named `words`, and for no other of `columns`: of a
 * column, or of the table, with the name they were given.
 */
export function withoutWordChecks(sql: string, columns: readonly string[], words: readonly string[]): string {
  const tokens = tokensOf(sql)
  const cuts: { start: number; end: number }[] = []
  for (let index = 0; index < tokens.length; index += 1) {
    const check = tokens[index]
    if (check === undefined || !isWord(check, 'check') || tokens[index + 1]?.text !== '(') continue
    const close = closing(tokens, index + 1)
    const inside = tokens.slice(index + 2, close)
    const named = new Set(inside.filter(({ kind }) => kind === 'name').map(nameOf))
    const subjects = columns.filter((column) => named.has(column.toLowerCase()))
    const [subject = ''] = subjects
    const listsWords = inside.some(({ kind }) => kind === 'text')
    if (close < 0 || subjects.length !== 1 || !words.includes(subject) || !listsWords) continue
    const hasName = isWord(tokens[index - 2], 'constraint')
    const first = hasName ? index - 2 : index
    // A constraint of the table follows a comma, one of a column does not.
    const from = tokens[first - 1]?.text === ',' ? first - 1 : first
    cuts.push({ start: tokens[from]?.start ?? check.start, end: tokens[close]?.end ?? check.end })
  }
  return cuts.reduceRight((text, { start, end }) => `${text.slice(0, trimmed(text, start))}${text.slice(end)}`, sql)
}

/** Before spaces. A line break stays: it may be the end of a comment. */
function trimmed(text: string, end: number): number {
  let start = end
  while (text[start - 1] === ' ' || text[start - 1] === '\t') start -= 1
  return start
}
