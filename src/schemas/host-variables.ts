import { z } from 'zod'
import { type DetailLevel, detailLevels } from './vocabulary.ts'

/**
 * What a variable of the host application can hold. `money`: `{ amount: 25, currency: 'USD' }`; `date`: `'2024-01-31'`;
 * `url`: a link that begins with `https://`.
 */
export const variableTypes = ['text', 'number', 'money', 'date', 'url'] as const
/**
 * What a variable of the host application can hold. `money`: `{ amount: 25, currency: 'USD' }`; `date`: `'2024-01-31'`;
 * `url`: a link that begins with `https://`.
 */
export type VariableType = (typeof variableTypes)[number]

const money = z.strictObject(
  { amount: z.number(), currency: z.string().regex(/^[A-Z]{3}$/, 'must be a currency such as "USD"') },
  'must be an amount with its currency, such as { amount: 25, currency: "USD" }',
)

/** Longer text is cut off, as names are. */
const schemas = {
  text: z.string('must be text').transform((text) => text.trim().slice(0, 500)),
  number: z.number('must be a number'),
  money,
  date: z.iso.date('must be a day such as "2024-01-31"'),
  url: z
    .string('must be text')
    .max(1000)
    // Unseen characters could turn around the text behind it.
    .regex(/^https:\/\/[^\s\p{Cc}\p{Cf}\p{Cs}<>"]+$/u, 'must be a link that begins with "https://"'),
} as const satisfies Record<VariableType, z.ZodType>

/** A value, as read. */
export type HostValue = z.output<(typeof schemas)[VariableType]>
/** By the name of the variable. One that is left out is not known. */
export type HostValues = Readonly<Record<string, HostValue | null | undefined>>

/** Stands in previews, and in checks of what a template costs, where there is no other. */
const samples: Readonly<Record<VariableType, HostValue>> = {
  text: 'Sample',
  number: 5,
  money: { amount: 25, currency: 'USD' },
  date: '2024-09-25',
  url: 'https://clinic.example/sample',
}

const declaration = z.strictObject({
  type: z.enum(variableTypes),
  sample: z.unknown().optional(),
  detail: z.literal(detailLevels).default(2),
})

/** A variable that the directory fills in. */
export type HostVariable = {
  readonly type: VariableType
  readonly sample: HostValue
  /** How much a message says by naming it. */
  readonly detail: DetailLevel
}
/** By name. */
export type HostVariables = ReadonlyMap<string, HostVariable>

export const noVariables: HostVariables = new Map()

/** A variable of your own for templates: its type alone, or with a sample and a detail level. */
export type HostVariableInput =
  | VariableType
  | {
      readonly type: VariableType
      /** A typical value, for previews and to compute the cost of texts. Default: one that fits the type. */
      readonly sample?: string | number | { readonly amount: number; readonly currency: string } | undefined
      /** Detail level (0 to 2, see `detailLevels`) from which messages show the variable. Default 2. */
      readonly detail?: DetailLevel | undefined
    }

export const hostVariable = z
  .union(
    [z.enum(variableTypes), declaration],
    'must be text, number, money, date or url, or an object with that as type',
  )
  .transform((given, context): HostVariable => {
    const { type, sample, detail } =
      typeof given === 'string' ? { type: given, sample: undefined, detail: 2 as const } : given
    if (sample === undefined) return { type, sample: samples[type], detail }
    const read = schemas[type].safeParse(sample)
    if (read.success) return { type, sample: read.data, detail }
    context.issues.push({
      code: 'custom',
      path: ['sample'],
      message: read.error.issues[0]?.message ?? '',
      input: sample,
    })
    return z.NEVER
  })

/** How a row of the directory holds them: each by itself may be left out. */
export const hostValues = (variables: HostVariables) =>
  z
    .object(Object.fromEntries([...variables].map(([name, { type }]) => [name, valueFor(type)])), 'must be an object')
    .nullish()

const valueFor = (type: VariableType): z.ZodType<HostValue | null | undefined> => schemas[type].nullish()

/** The same as they were kept with a notice. */
export const keptValues = z.record(z.string(), z.union([z.string(), z.number(), money]).nullish()).optional()
