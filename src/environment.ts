import { z } from 'zod'
import { asOptions } from './schemas/as-options.ts'
import { parseInput } from './schemas/common.ts'
import { namesWith } from './schemas/fields.ts'
import { emptySettings, type SettingsValues, settingsFields } from './schemas/settings.ts'

const set = z
  .string()
  .optional()
  .transform((text) => (text === undefined || text.trim() === '' ? null : text.trim()))
const number = set.transform((text) => (text === null ? null : Number(text)))

const variables = namesWith(settingsFields, 'variable').map((name) => {
  const { variable, schema } = settingsFields[name]
  const read = schema instanceof z.ZodNumber ? number.pipe(schema.nullable()) : set
  return { name, variable, read }
})
const environment = z
  .object(Object.fromEntries(variables.map(({ variable, read }) => [variable, read])))
  .and(z.object({ NOTIFICATIONS_ENCRYPTION_KEY: set }))

/** `defaults`: the settings that the documented variables stand for. @throws NotificationError `options_invalid` naming the variable. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): {
  readonly defaults: SettingsValues
  readonly encryptionKey: string | null
} {
  const read = asOptions(() => parseInput(environment, { ...env }, 'The environment'))
  const defaults = Object.fromEntries(variables.map(({ name, variable }) => [name, read[variable]]))
  return { defaults: { ...emptySettings, ...defaults }, encryptionKey: read.NOTIFICATIONS_ENCRYPTION_KEY }
}
