import { z } from 'zod'

/**
 * One field of settings or of preferences: all that is known of it but its use. Its schemas, types, column, name on the wire, and
 * what answers and the audit log show of it are made from this row.
 */
export type Field = {
  /** Of a value that is set. Null is none; left out, it stays as it is. */
  readonly schema: z.ZodType
  /** What it is, for whoever writes it: the description of the API shows this. */
  readonly description: string
  /** What null stands for, where that is not nothing. */
  readonly default?: unknown
  /** The column has the default too, as documented, for rows that a host inserts. */
  readonly isColumnDefault?: true
  /** Encrypted at rest, never shown. */
  readonly isSecret?: true
  /** Of a recipient: where messages go to. */
  readonly isContact?: true
  /** The audit log shows what it was and became. Else, as of secrets, contacts and texts, that it changed. */
  readonly isAudited?: true
  /** A change may change which reminders exist: future appointments are planned again. */
  readonly replans?: true
  /** It is part of the account of a channel: who changes it learns what keeps the account from working. */
  readonly account?: true
  /** The environment variable that stands for it where an organization has no account of its own. */
  readonly variable?: string
}
export type Fields = Readonly<Record<string, Field>>

type Value<F extends Field> = Unchanged<z.output<F['schema']>>
type Unchanged<T> = T extends readonly (infer Element)[] ? readonly Element[] : T

/** As callers write them. */
export type InputOf<F extends Fields> = { -readonly [Name in keyof F]?: Value<F[Name]> | null | undefined }
/** As they are stored. */
export type ValuesOf<F extends Fields> = { readonly [Name in keyof F]: Value<F[Name]> | null }
/** As they are shown: defaults filled in, secrets as a mask. A default that is no value of its field leaves the null where it was. */
export type ShownOf<F extends Fields> = {
  readonly [Name in keyof F]: F[Name] extends { readonly default: Value<F[Name]> }
    ? Value<F[Name]>
    : Value<F[Name]> | null
}
/** The names of the fields that have this mark. */
export type NameWith<F extends Fields, Mark extends keyof Field> = {
  [Name in keyof F & string]: F[Name] extends { readonly [M in Mark]: unknown } ? Name : never
}[keyof F & string]

/** What a GET shows in place of a secret that is set; sent back, it changes nothing. */
export const secretMask = '********'

// Each of these has two signatures: a caller gets the names and types of its table; inside, a name is any text.

const eachOf = <T>(fields: Fields, make: (field: Field, name: string) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, make(field, name)]))

/** The names of the fields that have this mark, in the order of the table. */
export function namesWith<F extends Fields, Mark extends keyof Field>(
  fields: F,
  mark: Mark,
): readonly NameWith<F, Mark>[]
export function namesWith(fields: Fields, mark: keyof Field) {
  return Object.keys(fields).filter((name) => fields[name]?.[mark] !== undefined)
}

type InputShape<F extends Fields> = { -readonly [Name in keyof F]: z.ZodOptional<z.ZodNullable<F[Name]['schema']>> }

/** The schema of what callers write. */
export function inputOf<F extends Fields>(fields: F): z.ZodObject<InputShape<F>, z.core.$strict>
export function inputOf(fields: Fields) {
  return z.strictObject(eachOf(fields, ({ schema, description }) => schema.nullable().optional().describe(description)))
}

/** A row of which nothing is set. */
export function emptyOf<F extends Fields>(fields: F): ValuesOf<F>
export function emptyOf(fields: Fields) {
  return eachOf(fields, () => null)
}

/** Shows stored rows: with defaults filled in, and a mask for each secret. */
export function showing<F extends Fields>(
  fields: F,
): <Row extends ValuesOf<F>>(row: Row) => Omit<Row, keyof F> & ShownOf<F>
export function showing(fields: Fields) {
  const changed = Object.entries(fields).filter(([, field]) => field.isSecret || field.default !== undefined)
  return (row: Readonly<Record<string, unknown>>) => {
    const shown = { ...row }
    for (const [name, { isSecret, default: standard = null }] of changed) {
      const value = row[name] ?? standard
      shown[name] = isSecret && value !== null ? secretMask : value
    }
    return shown
  }
}

/** `emailReminders[2]` becomes `email_reminders[2]`. */
export const toSnake = (path: string): string =>
  path.replace(/([a-z0-9])([A-Z])/g, (_, before: string, after: string) => `${before}_${after.toLowerCase()}`)

/** The name of a field's column, which is its name on the wire too. */
export type ColumnName<Name> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${ColumnName<Rest>}`
  : ''

/** What a field's column holds: `flag` is true or false, `json` what is no single value. */
export type ColumnKindOf<Schema extends z.ZodType> =
  z.output<Schema> extends boolean
    ? 'flag'
    : z.output<Schema> extends number
      ? 'int'
      : z.output<Schema> extends string
        ? 'text'
        : 'json'

/** How a field is stored. `isWord`: it is one of a list of words, which may grow. */
export function columnOf(name: string, { schema }: Field) {
  const isWord = schema instanceof z.ZodEnum
  const isText = isWord || schema instanceof z.ZodString
  const isFlag = schema instanceof z.ZodBoolean
  const kind = isFlag ? 'flag' : isText ? 'text' : schema instanceof z.ZodNumber ? 'int' : 'json'
  return { column: toSnake(name), kind, isWord } as const
}
