import * as records from '../../../src/records/index.ts'
import type { Session } from './engine.ts'
import { Outdated } from './errors.ts'
import { listed } from './listed.ts'
import { literal, qualified, quoted } from './names.ts'
import { isById, textOf } from './row-set.ts'
import { decodeRows, encodeParameter } from './values.ts'
import type { WorkingSet } from './working-set.ts'

/** `skip` leaves out rows that another transaction holds, in place of waiting for them. */
export type Waiting = 'wait' | 'skip'

type AnyKey = records.AnyKey
type Read = records.Read

/** Reads of one key in one way, each value once, by its text. */
type Group = Pick<Read, 'key' | 'lock' | 'through'> & { readonly of: Map<string, Read['of']> }

const sourceOf = ({ key, through }: Pick<Read, 'key' | 'through'>): AnyKey => through?.key ?? key

/** The same for whoever reads the same. */
export function nameOf({ key, of, through }: Pick<Read, 'key' | 'of' | 'through'>): string {
  const source = sourceOf({ key, through })
  const values = source.by.map((name) => String(Reflect.get(of, name))).join('\0')
  return `${source.table} ${source.by.join()} ${through?.column ?? ''} ${values}`
}

function grouped(reads: readonly Read[]): Group[] {
  const groups = new Map<AnyKey, Group[]>()
  for (const read of reads) {
    const { key, lock, through, of } = read
    const source = sourceOf(read)
    const text = textOf(of, source.by)
    if (text === null) continue
    const known = groups.get(source) ?? []
    groups.set(source, known)
    let group = known.find((one) => one.key === key && one.lock === lock && one.through?.column === through?.column)
    if (group === undefined) {
      group = { key, lock, through, of: new Map() }
      known.push(group)
    }
    group.of.set(text, of)
  }
  return [...groups.values()].flat()
}

const fixed = (alias: string, { where }: AnyKey): string =>
  Object.entries(where)
    .map(([name, condition]) => {
      const column = `${alias}.${quoted(name)}`
      if (condition === 'null') return ` and ${column} is null`
      if (condition === 'not null') return ` and ${column} is not null`
      return ` and ${column} in (${condition.map(literal).join(', ')})`
    })
    .join('')

/** Of a statement that is put together. */
function parameters() {
  const values: unknown[] = []
  return {
    values,
    /** Its place in the statement. */
    add: (value: unknown): number => values.push(encodeParameter(value)),
  }
}
type Parameters = ReturnType<typeof parameters>

const order: readonly string[] = records.lockOrder
const isIdTable = (table: records.TableName): table is records.IdTable => 'id' in records.tables[table].columns
const isLocked = ({ lock }: Group): boolean => lock !== 'none'
/** What is read without a lock comes last, since there may be a lock to wait for. */
const rankOf = (group: Group): number => (isLocked(group) ? order.indexOf(group.key.table) : order.length)
/** Rows that nobody locks, or a few columns of such as have no id: of any number of tables in one round trip. */
const isPart = (group: Group): boolean => !isLocked(group) || (group.key.columns !== null && !isById(group.key))

/** A row of which the caller knows what it holds. */
const parsed = <R>(json: string): R => JSON.parse(json)

/** A stage looks at rows that are not here yet. */
class Unheard extends Error {}

/**
 * Reads what commands declare into a working set: all that one stage reads of a table in one statement. What decides is read after
 * the lock is there: under READ COMMITTED each statement sees what was committed before it began. Statements are sent as they are
 * asked for, and their answers heard in that order; `before` is what was asked for already.
 */
export function rowReader(session: Session, set: WorkingSet, before: Promise<unknown>) {
  const { run, kinds, schema } = session
  const unheard: (() => Promise<unknown>)[] = [() => before]
  const name = (table: records.TableName) => qualified(schema, table)
  const throughs: Group[] = []
  const held = new Set<string>()
  let rank = 0

  /** Whoever locks in another order waits in a circle with somebody, sooner or later. */
  function requireOrder(groups: readonly Group[]): void {
    for (const group of groups.filter(isLocked)) {
      const next = rankOf(group)
      if (next < rank) throw new Error(`a command locks ${group.key.table} after ${order[rank]}`)
      rank = next
    }
  }

  function listOf({ table, by }: AnyKey, { of }: Group, given: Parameters): string {
    const { from, values } = listed(table, by, [...of.values()], kinds, given.values.length + 1)
    given.values.push(...values)
    return from
  }
  const same = (source: AnyKey): string =>
    source.by.map((column) => `o.${quoted(column)} = r.${quoted(column)}`).join(' and ')

  /** Key by key through the index, whatever the planner knows of the table; an array says how many are asked for. */
  function idsOf(group: Group, given: Parameters): string {
    const source = sourceOf(group)
    const column = `o.${quoted(group.through?.column ?? 'id')}`
    const [by = ''] = source.by
    if (source.by.length === 1) {
      const list = `$${given.add([...group.of.values()].map((of) => of[by]))}${by === 'id' ? '::bigint[]' : ''}`
      if (group.through === null && by === 'id') return `select unnest(${list})`
      return `select ${column} from ${name(source.table)} as o where o.${quoted(by)} = any(${list})${fixed('o', source)}`
    }
    return `select found.id from ${listOf(source, group, given)} cross join lateral (select ${column} as id
      from ${name(source.table)} as o where ${same(source)}${fixed('o', source)} offset 0) as found`
  }

  const load = <T extends records.TableName>(table: T, row: records.Row<T>): void => set.sets[table].load(row)

  /** Which of these rows are there, whoever has them. */
  async function present(table: records.IdTable, ids: readonly number[]): Promise<readonly number[]> {
    if (ids.length === 0) return []
    const { rows } = await run<{ id: string }>(`select id::text from ${name(table)} where id = any($1::bigint[])`, [
      ids,
    ])
    return rows.map(({ id }) => Number(id))
  }

  /** Rows of one table, locked in the order of their ids: whole, or their columns where all groups read the same. */
  function lock(table: records.IdTable, groups: readonly Group[], waiting: Waiting): void {
    const given = parameters()
    const ids = groups.map((group) => idsOf(group, given))
    const skips = waiting === 'skip' && groups.every((group) => isById(sourceOf(group)))
    const together = skips ? withThroughs(table, given) : ''
    const strength = groups.every((group) => group.lock === 'share') ? 'share' : 'update'
    const [{ key } = { key: undefined }] = groups
    const part = key !== undefined && groups.every((group) => group.key === key) ? key.columns : null
    const links = throughs.flatMap(({ through }) => (through?.key.table === table ? [through.column] : []))
    const columns = part === null ? ['*'] : [...new Set([...(key?.by ?? []), ...part, ...links])].map(quoted)
    const asked = run<never>(
      `select ${columns.map((column) => `t.${column}`).join(', ')} from ${name(table)} as t where t.id = any(array(${ids.join(' union all ')}))${together}
       order by t.id for ${strength} of t${skips ? ' skip locked' : ''}`,
      given.values,
    )
    unheard.push(async () => {
      const rows = decodeRows((await asked).rows, kinds)
      if (part === null || key === undefined) for (const row of rows) load(table, row)
      else set.loadParts(key, rows)
      await requireThrough(table, rows)
      if (skips) await findHeld(table, groups)
    })
  }

  /** Two who want the same reminder and its delivery would else have one row each, and neither would go on. */
  function withThroughs(table: records.IdTable, { add }: Parameters): string {
    const conditions = throughs.flatMap(({ key, through }) => {
      if (through?.key.table !== table || !isIdTable(key.table)) return []
      const column = `t.${quoted(through.column)}`
      const ids = set.sets[key.table].ids()
      return [` and (${column} is null or ${column} = any($${add(ids)}::bigint[]))`]
    })
    return conditions.join('')
  }

  /** What the rows of a table hold of others was read through them before they were locked: what is not here has to be absent. */
  async function requireThrough(table: records.IdTable, rows: readonly object[]): Promise<void> {
    for (const { key, through } of throughs) {
      if (through?.key.table !== table || !isIdTable(key.table)) continue
      const others = set.sets[key.table]
      const ids = rows.map((row): unknown => Reflect.get(row, through.column))
      const missing = ids.flatMap((id) => (id === null || others.has(Number(id)) ? [] : [Number(id)]))
      if ((await present(key.table, missing)).length > 0) throw new Outdated(key.table, 'another row is to be read')
      set.declare(key, missing.map(String))
    }
  }

  /** Of what was asked for by its id and passed over: what is there all the same. */
  async function findHeld(table: records.IdTable, groups: readonly Group[]): Promise<void> {
    const missing = new Map<number, string>()
    for (const { key, of, through } of groups) {
      if (through !== null) continue
      for (const one of of.values()) {
        const id = Number(one.id)
        if (!set.sets[table].has(id)) missing.set(id, nameOf({ key, of: one, through }))
      }
    }
    for (const id of await present(table, [...missing.keys()])) held.add(missing.get(id) ?? '')
  }

  /** As JSON: the tables have different columns. */
  function readParts(groups: readonly Group[], waiting: Waiting): void {
    if (groups.length === 0) return
    const given = parameters()
    const parts = groups.map((group, index) => {
      const { key, lock: strength } = group
      const [p, a] = [`p${index}`, `a${index}`]
      const named = key.columns === null ? Object.keys(records.tables[key.table].columns) : [...key.by, ...key.columns]
      const columns = [...new Set(named)].map((column) => `t.${quoted(column)}`).join(', ')
      const [by = ''] = key.by
      const table = `${name(key.table)} as t`
      const found =
        key.by.length === 1
          ? `${table} where t.${quoted(by)} = any($${given.add([...group.of.values()].map((of) => of[by]))})${fixed('t', key)}`
          : isLocked(group)
            ? `${table} where t.id = any(array(${idsOf(group, given)}))`
            : `${listOf(key, group, given)} cross join lateral (
                select * from ${name(key.table)} as o where ${same(key)}${fixed('o', key)} offset 0) as t`
      const select = (from: string) =>
        `select ${index} as part, 'false' as held, to_json(${p})::text as found from ${from}`
      if (!isLocked(group))
        return { ctes: [`${p} as materialized (select ${columns} from ${found})`], select: select(p) }
      const locked = `select ${columns}, t.id as locked from ${found} order by t.id for ${strength} of t`
      if (waiting === 'wait') return { ctes: [`${p} as materialized (${locked})`], select: select(p) }
      return {
        ctes: [
          `${p} as materialized (${locked} skip locked)`,
          `${a} as materialized (select ${columns}, t.id as locked from ${found})`,
        ],
        select: `select ${index} as part, (${p}.locked is null)::text as held,
          (case when ${p}.locked is null then to_json(${a}) else to_json(${p}) end)::text as found
          from ${a} left join ${p} on ${p}.locked = ${a}.locked`,
      }
    })
    const asked = run<{ part: string; held: string; found: string }>(
      `with ${parts.flatMap(({ ctes }) => ctes).join(', ')} ${parts.map(({ select }) => select).join(' union all ')}`,
      given.values,
    )
    unheard.push(async () => {
      const answers = Map.groupBy((await asked).rows, ({ part, held }) => `${part} ${held}`)
      for (const [index, group] of groups.entries()) {
        const rowsOf = (isHeld: boolean) =>
          decodeRows(
            (answers.get(`${index} ${isHeld}`) ?? []).map(({ found }) => parsed<never>(found)),
            kinds,
          )
        for (const row of rowsOf(true)) held.add(nameOf({ ...group, of: row }))
        if (group.key.columns === null) for (const row of rowsOf(false)) load(group.key.table, row)
        else set.loadParts(group.key, rowsOf(false))
      }
    })
  }

  async function hear(): Promise<void> {
    for (let next = unheard.shift(); next !== undefined; next = unheard.shift()) await next()
  }

  function requireHeard(): void {
    if (unheard.length > 0) throw new Unheard()
  }
  const found: records.Found = {
    ids: set.ids,
    get(key, of) {
      requireHeard()
      return set.get(key, of)
    },
    list(key, of) {
      requireHeard()
      return set.list(key, of)
    },
  }

  return {
    /** What a stage makes of what is here: it waits for that only where it looks at it. */
    async look<T>(stage: (found: records.Found) => T): Promise<T> {
      try {
        return stage(found)
      } catch (error) {
        if (!(error instanceof Unheard)) throw error
        await hear()
        return stage(found)
      }
    },
    /** What one stage reads. */
    async ask(reads: readonly Read[], waiting: Waiting): Promise<void> {
      // By the rows that are read through others it is known which of these to leave out.
      if (waiting === 'skip' && throughs.length > 0) await hear()
      const groups = grouped(reads).sort((a, b) => rankOf(a) - rankOf(b))
      for (const { key, of, through } of groups) if (through === null) set.declare(key, of.keys())
      throughs.push(...groups.filter(({ through }) => through !== null))
      requireOrder(groups)
      let parts = groups.filter(isPart)
      const whole = groups.filter((group) => !isPart(group))
      for (const [table, ofTable] of Map.groupBy(whole, ({ key }) => key.table)) {
        const before = parts.filter((part) => rankOf(part) < order.indexOf(table))
        parts = parts.slice(before.length)
        readParts(before, waiting)
        if (isIdTable(table)) lock(table, ofTable, waiting)
      }
      readParts(parts, waiting)
    },
    /** Resolves when all is here that was asked for. */
    hear,
    /** Whether anything was passed over. */
    hasHeld: () => held.size > 0,
    /** Whether the row is there, and is another's. */
    isHeld: (read: Read): boolean => read.through === null && held.has(nameOf(read)),
  }
}
