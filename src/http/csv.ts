/** What spreadsheets take for a formula when a cell begins with it. */
const formula = /^[=+\-@\t\r]/

/** One that could run as a formula begins with an apostrophe, which spreadsheets show as text. */
function cell(value: string | number | null): string {
  const text = value === null ? '' : String(value)
  const harmless = formula.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) || harmless !== harmless.trim() ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

/** A table as RFC 4180 has it, with a mark at the beginning by which spreadsheets know UTF-8. */
export function csvOf(columns: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  return `\uFEFF${[columns, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('')}`
}
