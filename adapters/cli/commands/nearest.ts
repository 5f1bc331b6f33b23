/** So many letters may be put in, left out or replaced. */
const mostSlips = 2

/** ` Did you mean "doctor"?` where one of `words` is nearly what was written, else nothing. `--` goes before it. */
export function didYouMean(written: string, words: readonly string[], before = ''): string {
  const [first] = words
    .map((word) => ({ word, slips: slipsBetween(written, word) }))
    .filter(({ word, slips }) => slips <= mostSlips && slips < word.length / 2)
    .sort((one, other) => one.slips - other.slips)
  return first === undefined ? '' : ` Did you mean "${before}${first.word}"?`
}

function slipsBetween(one: string, other: string): number {
  let last = Array.from({ length: other.length + 1 }, (_, column) => column)
  for (const [row, letter] of [...one].entries()) {
    const next = [row + 1]
    for (const [column, expected] of [...other].entries()) {
      const replaced = (last[column] ?? 0) + (letter === expected ? 0 : 1)
      next.push(Math.min(replaced, (last[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    last = next
  }
  return last.at(-1) ?? one.length
}
