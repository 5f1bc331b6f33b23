/**
 * Rows of one table that a transaction read, and what its commands made of them. A command sees every change at once;
 * the database gets them in bulk, when all commands of the transaction are done.
 */
export class RowSet<Row extends { readonly id: number }> {
  readonly #keyOf: (row: Row) => unknown
  readonly #rows = new Map<number, Row>()
  readonly #byKey = new Map<string, Set<number>>()
  readonly #inserted = new Set<number>()
  readonly #changes = new Map<number, Partial<Row>>()
  readonly #deleted: number[] = []

  /** `keyOf` gives what rows are looked up by; it must never change. */
  constructor(keyOf: (row: Row) => unknown) {
    this.#keyOf = keyOf
  }

  /** Takes rows as the database has them. */
  load(rows: readonly Row[]): void {
    for (const row of rows) this.#put(row)
  }

  get(id: number): Row | undefined {
    return this.#rows.get(id)
  }

  /** Rows with this key, in the order of their ids. */
  of(key: unknown): Row[] {
    const ids = this.#byKey.get(String(key)) ?? []
    return [...ids].flatMap((id) => this.#rows.get(id) ?? []).sort((a, b) => a.id - b.id)
  }

  all(): Row[] {
    return [...this.#rows.values()]
  }

  insert(row: Row): void {
    this.#put(row)
    this.#inserted.add(row.id)
  }

  update(id: number, change: Partial<Row>): void {
    const row = this.#rows.get(id)
    if (row === undefined) return
    this.#rows.set(id, { ...row, ...change })
    if (!this.#inserted.has(id)) this.#changes.set(id, { ...this.#changes.get(id), ...change })
  }

  delete(id: number): void {
    if (!this.#rows.delete(id)) return
    this.#changes.delete(id)
    if (!this.#inserted.delete(id)) this.#deleted.push(id)
  }

  get inserted(): Row[] {
    return [...this.#inserted].flatMap((id) => this.#rows.get(id) ?? [])
  }

  /** What changed in rows that were there before. */
  get changes(): ReadonlyMap<number, Partial<Row>> {
    return this.#changes
  }

  get deleted(): readonly number[] {
    return this.#deleted
  }

  #put(row: Row): void {
    this.#rows.set(row.id, row)
    const key = String(this.#keyOf(row))
    const ids = this.#byKey.get(key)
    if (ids === undefined) this.#byKey.set(key, new Set([row.id]))
    else ids.add(row.id)
  }
}
