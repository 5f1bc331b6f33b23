/** Fields by their names in lower case; of those that come more than once the first. */
export type Fields = ReadonlyMap<string, string>

/** Longer ones are cut off: nothing that is looked for is as long. */
const longestText = 64 * 1024
const longestValue = 4096
const mostBlocks = 50

/** Blocks of header fields, as RFC 3464 and RFC 5965 have them, each ended by an empty line; what is no field is passed over. */
export function blocksOf(content: Uint8Array): readonly Fields[] {
  const blocks: Map<string, string>[] = []
  let block: Map<string, string> | null = null
  let last: string | null = null
  // Not fatal: what is no UTF-8 is nothing that is looked for.
  for (const line of new TextDecoder().decode(content.subarray(0, longestText)).split(/\r\n|\n|\r/)) {
    if (line.trim() === '') {
      block = null
    } else if (/^[ \t]/.test(line)) {
      if (block !== null && last !== null) block.set(last, extended(block.get(last) ?? '', line))
    } else {
      const colon = line.indexOf(':')
      if (colon < 1 || colon > 100) continue
      if (block === null) {
        if (blocks.length === mostBlocks) break
        block = new Map()
        blocks.push(block)
      }
      const name = line.slice(0, colon).trim().toLowerCase()
      // A second one must not add to the first.
      last = block.has(name) ? null : name
      if (last !== null) block.set(last, line.slice(colon + 1, colon + 1 + longestValue).trim())
    }
  }
  return blocks
}

const extended = (value: string, line: string): string => `${value} ${line.trim()}`.slice(0, longestValue)

/** The first block of a message, which is its header. */
export const headerOf = (content: Uint8Array): Fields => blocksOf(content)[0] ?? new Map()

/** What has an @ in a field: addresses and Message-IDs, without the brackets, quotes and types around them. */
export const atsIn = (value: string | undefined): readonly string[] =>
  (value ?? '')
    .slice(0, longestValue)
    .split(/[\s<>,;"()]+/)
    .filter((word) => word.includes('@') && word.length <= 998)
