/**
 * Where spreadsheets see the beginning of a formula, in a cell or in what is one for those that part cells by semicolons or tabs, as most of
 * Europe's do. The wide signs are those of Japanese and Chinese keyboards.
 */
const formula = /(^|[;\t\r\n])(?=(?:(?![\t\r\n])[\s\p{Cc}])*[=+\-@＝＋－＠])/gu

/** What could run as a formula begins with an apostrophe, which spreadsheets show as text. */
function cell(value: string | number | null): string {
  const text = value === null ? '' : String(value)
  const harmless = text.replace(formula, "$1'")
  return /[",;\t\r\n]/.test(harmless) || harmless !== harmless.trim() ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

/** A table as RFC 4180 has it, with a mark at the beginning by which spreadsheets know UTF-8. */
export function csvOf(columns: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  return `\uFEFF${[columns, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('')}`
}
