import { records } from '../../../src/index.ts'
import type { Session } from './engine.ts'
import { qualified, quoted, recordset } from './names.ts'
import { decodeRow, encodeParameter, encodeRow } from './values.ts'
import type { WorkingSet } from './working-set.ts'

/** `skip` leaves out rows that another transaction holds, in place of waiting for them. */
export type Waiting = 'wait' | 'skip'

type AnyKey = records.AnyKey
type Read = records.Read

/** Reads of one key in one way, each value once. */
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
    const known = groups.get(source) ?? []
    groups.set(source, known)
    let group = known.find((one) => one.key === key && one.lock === lock && one.through?.column === through?.column)
    if (group === undefined) {
      group = { key, lock, through, of: new Map() }
      known.push(group)
    }
    group.of.set(nameOf(read), of)
  }
  return [...groups.values()].flat()
}

/** As text, also where a host's parsers made an object of it. */
const textOf = (json: unknown): string => (typeof json === 'string' ? json : JSON.stringify(json))

const fixed = (alias: string, { where }: AnyKey): string =>
  Object.entries(where)
    .map(([name, condition]) => {
      const column = `${alias}.${quoted(name)}`
      if (condition === 'null') return ` and ${column} is null`
      if (condition === 'not null') return ` and ${column} is not null`
      return ` and ${column} in (${condition.map((word) => `'${word}'`).join(', ')})`
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
const rankOf = ({ key }: Group): number => order.indexOf(key.table)
const isById = ({ key }: Pick<Read, 'key'>): boolean => key.by.length === 1 && key.by[0] === 'id'
const isIdTable = (table: records.TableName): table is records.IdTable => 'id' in records.tables[table].columns

/**
 * Reads what commands declare into a working set: all that one stage reads of a table in one statement. What decides is read after
 * the lock is there: under READ COMMITTED each statement sees what was committed before it began.
 */
export function rowReader(session: Session, set: WorkingSet) {
  const { run, kinds, schema } = session
  const name = (table: records.TableName) => qualified(schema, table)
  const throughs: Group[] = []
  const held = new Set<string>()
  let hasSkipped = false

  const listOf = (source: AnyKey, { of }: Group, { add }: Parameters): string =>
    recordset(source.table, source.by, kinds, add(JSON.stringify([...of.values()].map(encodeRow))))
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

  function take<T extends records.TableName>(table: T, rows: readonly records.Row<T>[]): void {
    set.sets[table].load(rows)
    // What rows that were found hold of others was read through them: where it is not here, it is not there.
    for (const { key, through } of throughs) {
      if (through?.key.table !== table) continue
      for (const row of rows) {
        const id: unknown = Reflect.get(row, through.column)
        if (id !== null) set.declare(key, { id })
      }
    }
  }

  /** Whole rows of one table, locked in the order of their ids. */
  async function lock(table: records.IdTable, groups: readonly Group[], waiting: Waiting): Promise<void> {
    const given = parameters()
    const ids = groups.map((group) => idsOf(group, given))
    const skips = waiting === 'skip' && groups.every((group) => isById({ key: sourceOf(group) }))
    // Two who want the same reminder and its delivery would else have one row each, and neither would go on.
    const together =
      skips && table === 'notification_history'
        ? ` and (t.reminder_id is null or t.reminder_id = any($${given.add(set.sets.appointment_reminders.all().map(({ id }) => id))}::bigint[]))`
        : ''
    const strength = groups.every((group) => group.lock === 'share') ? 'share' : 'update'
    const { rows } = await run<never>(
      `select t.* from ${name(table)} as t where t.id = any(array(${ids.join(' union all ')}))${together}
       order by t.id for ${strength} of t${skips ? ' skip locked' : ''}`,
      given.values,
    )
    take(
      table,
      rows.map((row) => decodeRow(row, kinds)),
    )
    if (skips) await findHeld(table, groups)
  }

  /** Of what was asked for by its id and passed over: what is there all the same. */
  async function findHeld(table: records.IdTable, groups: readonly Group[]): Promise<void> {
    const missing = new Map<number, string>()
    for (const { of, through } of groups) {
      if (through !== null) continue
      for (const [named, { id }] of of) if (!set.sets[table].has(Number(id))) missing.set(Number(id), named)
    }
    if (missing.size === 0) return
    const text = `select id::text from ${name(table)} where id = any($1::bigint[])`
    const { rows } = await run<{ id: string }>(text, [[...missing.keys()]])
    for (const { id } of rows) held.add(missing.get(Number(id)) ?? '')
  }

  /** A few columns, or rows that nobody locks: of any number of tables in one round trip, and so as JSON. */
  async function readParts(groups: readonly Group[], waiting: Waiting): Promise<void> {
    const given = parameters()
    const parts = groups.map((group, index) => {
      const { key, lock: strength } = group
      const [p, a] = [`p${index}`, `a${index}`]
      const columns = (
        key.columns === null ? Object.keys(records.tables[key.table].columns) : [...key.by, ...key.columns]
      )
        .map((column) => `t.${quoted(column)}`)
        .join(', ')
      const found =
        strength === 'none' && key.by.length > 1
          ? `${listOf(key, group, given)} cross join lateral (
              select * from ${name(key.table)} as o where ${same(key)}${fixed('o', key)} offset 0) as t`
          : key.by.length > 1
            ? `${name(key.table)} as t where t.id = any(array(${idsOf(group, given)}))`
            : `${name(key.table)} as t where t.${quoted(key.by[0] ?? '')}
                = any($${given.add([...group.of.values()].map((of) => of[key.by[0] ?? '']))})${fixed('t', key)}`
      if (strength === 'none') {
        return {
          ctes: [`${p} as materialized (select ${columns} from ${found})`],
          select: `select ${index} as part, false as held, to_json(${p}) as found from ${p}`,
        }
      }
      const locked = `select ${columns}, t.id as locked from ${found} order by t.id for ${strength} of t`
      if (waiting === 'wait') {
        return {
          ctes: [`${p} as materialized (${locked})`],
          select: `select ${index} as part, false as held, to_json(${p}) as found from ${p}`,
        }
      }
      return {
        ctes: [
          `${p} as materialized (${locked} skip locked)`,
          `${a} as materialized (select ${columns}, t.id as locked from ${found})`,
        ],
        select: `select ${index} as part, ${p}.locked is null as held,
          case when ${p}.locked is null then to_json(${a}) else to_json(${p}) end as found
          from ${a} left join ${p} on ${p}.locked = ${a}.locked`,
      }
    })
    const { rows } = await run<{ part: string; held: unknown; found: string }>(
      `with ${parts.flatMap(({ ctes }) => ctes).join(', ')} ${parts.map(({ select }) => select).join(' union all ')}`,
      given.values,
    )
    for (const { part, held: isHeld, found } of rows) {
      const group = groups[Number(part)]
      if (group === undefined) continue
      const row = decodeRow(JSON.parse(textOf(found)), kinds)
      if (isHeld === true || isHeld === 't' || isHeld === 'true') held.add(nameOf({ ...group, of: row }))
      else if (group.key.columns !== null) set.loadPart(group.key, row)
      else take(group.key.table, [row])
    }
  }

  return {
    /** What one stage reads. */
    async stage(reads: readonly Read[], waiting: Waiting): Promise<void> {
      hasSkipped ||= waiting === 'skip'
      for (const { key, of, through } of reads) if (through === null) set.declare(key, of)
      const groups = grouped(reads).sort((a, b) => rankOf(a) - rankOf(b))
      throughs.push(...groups.filter(({ through }) => through !== null))
      const isPart = ({ key, lock: strength }: Group) => key.columns !== null || strength === 'none'
      const parts = groups.filter(isPart)
      if (parts.length > 0) await readParts(parts, waiting)
      const whole = Map.groupBy(
        groups.filter((group) => !isPart(group)),
        ({ key }) => key.table,
      )
      for (const [table, ofTable] of whole) if (isIdTable(table)) await lock(table, ofTable, waiting)
    },
    hasSkipped: () => hasSkipped,
    /** Whether the row is there, and is another's: itself, or what is read through it. */
    isHeld(read: Read): boolean {
      const { key, of, through } = read
      if (through === null) return held.has(nameOf(read))
      return set.sets[through.key.table].find(through.key, of).some((row) => {
        const id: unknown = Reflect.get(row, through.column)
        return id !== null && set.sets[key.table].find(key, { id }).length === 0
      })
    },
  }
}
export type RowReader = ReturnType<typeof rowReader>
