import type { z } from 'zod'
import type { FieldIssue } from '../errors.ts'
import { fieldPath, type RecipientRef } from './common.ts'
import { maySayStatus, meantBy } from './near-names.ts'

/** Something of a row that is not used, or is used in doubt, while the rest of it is. No value is echoed: it may be personal. */
export type RowFinding = FieldIssue & {
  /** Whose field it is, where it is somebody's. */
  readonly recipient?: RecipientRef
}

/** What a row of the host says. */
export type RowReading<T> = {
  /** Null: it cannot be used; `issues` says why. */
  readonly value: T | null
  readonly issues: readonly FieldIssue[]
  readonly findings: readonly RowFinding[]
  /** Fields that nobody knows, `recipients[].nickname`, and what they are not taken for. */
  readonly unknown: readonly FieldIssue[]
}

/** How the rows of a kind are read. */
export type RowKind<Schema extends z.ZodType> = {
  readonly schema: Schema
  /** The fields without which a row, or one of `people`, says nothing that can be used. All others are dropped where they are wrong. */
  readonly required: readonly string[]
  readonly fields: readonly string[]
  /** The field that holds values by name, each of which is dropped by itself. */
  readonly values?: string
  /** The field that lists people, read each by itself. */
  readonly people?: {
    readonly field: string
    readonly fields: readonly string[]
    readonly required: readonly string[]
    /** What rows of theirs hold that is read elsewhere, and may stay. */
    readonly ignored: readonly string[]
  }
}

type Row = Record<string, unknown>

/**
 * Reads a row kindly: an optional field that is wrong is dropped, and of several people those that can be read are kept. What is
 * required and cannot be read makes the row unreadable.
 */
export function readRow<Schema extends z.ZodType>(kind: RowKind<Schema>, told: unknown): RowReading<z.output<Schema>> {
  try {
    return readFields(kind, told)
  } catch {
    // A row may be more than data: a proxy of an ORM whose session is closed throws wherever it is touched.
    return { value: null, issues: [{ field: '', message: 'it throws when it is read' }], findings: [], unknown: [] }
  }
}

function readFields<Schema extends z.ZodType>(kind: RowKind<Schema>, told: unknown): RowReading<z.output<Schema>> {
  if (typeof told !== 'object' || told === null || Array.isArray(told)) {
    return { value: null, issues: [{ field: '', message: 'must be an object' }], findings: [], unknown: [] }
  }
  const issues: FieldIssue[] = []
  const findings: RowFinding[] = []
  const unknown: FieldIssue[] = []
  const names = (row: object, fields: readonly string[], at: string) => {
    for (const one of strangers(row, fields)) {
      unknown.push({ field: at.replace(/\d+/, '') + one.name, message: one.message })
      if (one.meant !== null) findings.push({ field: at + one.name, message: one.message })
    }
  }
  const row = pick(told, kind.fields, '', findings)
  names(told, kind.fields, '')
  const { people } = kind
  const list = people === undefined ? undefined : row[people.field]
  if (people !== undefined && Array.isArray(list)) {
    row[people.field] = list.map((person: unknown, index) => {
      if (typeof person !== 'object' || person === null) return person
      const at = `${people.field}[${index}].`
      names(person, [...people.fields, ...people.ignored], at)
      return pick(person, people.fields, at, findings)
    })
  }
  if (kind.fields.includes('status') && isBlank(row.status)) {
    const stray = Object.keys(told).find((name) => !kind.fields.includes(name) && maySayStatus(name, read(told, name)))
    if (stray !== undefined) {
      issues.push({ field: stray, message: 'is not a known field, and there is no status; did you mean "status"?' })
    }
  }
  const value = parse(kind, row, { issues, findings })
  return { value: issues.length === 0 ? value : null, issues, findings: withPeople(findings, kind, row), unknown }
}

type Notes = { readonly issues: FieldIssue[]; readonly findings: RowFinding[] }

/** Parses, and where something can be dropped, parses again without it. */
function parse<Schema extends z.ZodType>(
  { schema, required, people, values }: RowKind<Schema>,
  row: Row,
  { issues, findings }: Notes,
): z.output<Schema> | null {
  const first = schema.safeParse(row)
  if (first.success) return first.data
  const lost = new Map<number, FieldIssue>()
  const list = people === undefined ? undefined : row[people.field]
  const cleaned: Row = { ...row }
  const cleanedList: unknown[] | null = Array.isArray(list) ? [...list] : null
  for (const { path, message } of first.error.issues) {
    const [field, index, inner] = path
    const told = { field: fieldPath(path), message }
    if (people !== undefined && field === people.field && typeof index === 'number' && cleanedList !== null) {
      const person: unknown = cleanedList[index]
      const isLost = inner === undefined || people.required.includes(String(inner)) || !isRow(person)
      if (isLost) lost.set(index, told)
      else cleanedList[index] = { ...person, [inner]: undefined }
      findings.push({
        field: told.field,
        message: `${message}; ${isLost ? 'the messages of this person wait' : 'ignored'}`,
      })
    } else if (field === undefined || required.includes(String(field))) issues.push(told)
    else if (field === values && index !== undefined && isRow(cleaned[values])) {
      cleaned[values] = { ...cleaned[values], [index]: undefined }
      findings.push({ field: `${values}.${String(index)}`, message: `${message}; ignored` })
    } else {
      cleaned[String(field)] = undefined
      findings.push({ field: String(field), message: `${message}; ignored` })
    }
  }
  // Where nobody can be read, there is nobody to be notified meanwhile.
  if (lost.size > 0 && lost.size === cleanedList?.length) issues.push(...lost.values())
  if (issues.length > 0) return null
  if (people !== undefined && cleanedList !== null) {
    cleaned[people.field] = cleanedList.filter((_person, index) => !lost.has(index))
    cleaned.hasUnreadablePeople = lost.size > 0
  }
  const again = schema.safeParse(cleaned)
  if (again.success) return again.data
  issues.push(...again.error.issues.map(({ path, message }) => ({ field: fieldPath(path), message })))
  return null
}

/** The known fields of a row of whatever class: a getter that throws is a field that cannot be read. */
function pick(row: object, fields: readonly string[], at: string, findings: RowFinding[]): Row {
  const picked: Row = {}
  for (const field of fields) {
    try {
      picked[field] = Reflect.get(row, field)
    } catch {
      picked[field] = undefined
      findings.push({ field: at + field, message: 'throws when it is read; ignored' })
    }
  }
  return picked
}

function read(row: object, field: string): unknown {
  try {
    return Reflect.get(row, field)
  } catch {
    return undefined
  }
}

/** Fields that are not known, each with what is probably meant by it. What begins with `_` or `$` is an ORM's own. */
function strangers(row: object, fields: readonly string[]) {
  const names = Object.keys(row).filter(
    (name) => !fields.includes(name) && !/^[_$]/.test(name) && typeof read(row, name) !== 'function',
  )
  if (names.length === 0) return []
  const missing = fields.filter((field) => isBlank(read(row, field)))
  return names.map((name) => {
    const meant = isBlank(read(row, name)) ? null : meantBy(name, missing)
    return { name, meant, message: `is not a known field${meant === null ? '' : `; did you mean "${meant}"?`}` }
  })
}

/** Says of each finding about somebody whose it is. */
function withPeople(findings: readonly RowFinding[], { people }: RowKind<z.ZodType>, row: Row): RowFinding[] {
  return findings.map((finding) => {
    const [, index] = /^\w+\[(\d+)\]/.exec(finding.field) ?? []
    const list = people === undefined ? undefined : row[people.field]
    const person: unknown = index !== undefined && Array.isArray(list) ? list[Number(index)] : undefined
    const recipient = isRow(person) ? refOf(person) : null
    return recipient === null ? finding : { ...finding, recipient }
  })
}

function refOf({ type, id }: Row): RecipientRef | null {
  if (type !== 'PATIENT' && type !== 'CLIENT' && type !== 'PRACTITIONER') return null
  return typeof id === 'number' || typeof id === 'string' ? { type, id } : null
}

const isBlank = (value: unknown): boolean => value === undefined || value === null || value === ''

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null
