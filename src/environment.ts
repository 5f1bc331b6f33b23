import { z } from 'zod'
import { channels } from './channels/index.ts'
import { asOptions } from './schemas/as-options.ts'
import { accountPlaces, withValueAt } from './schemas/channel-settings.ts'
import { parseInput } from './schemas/common.ts'
import { namesWith } from './schemas/fields.ts'
import { emptySettings, type SettingsValues, settingsFields } from './schemas/settings.ts'

const set = z
  .string()
  .optional()
  .transform((text) => (text === undefined || text.trim() === '' ? null : text.trim()))
const number = set.transform((text) => (text === null ? null : Number(text)))

const documented = namesWith(settingsFields, 'variable').map((name) => ({
  place: [name] as const,
  rules: settingsFields[name],
}))
const further = channels.flatMap((channel) => accountPlaces(channel).filter(({ place }) => place.length > 1))
const variables = [...documented, ...further].flatMap(({ place, rules }) => {
  const { variable, schema } = rules
  if (variable === undefined) return []
  const read = schema instanceof z.ZodNumber ? number.pipe(schema.nullable()) : set
  return [{ place, variable, read }]
})
const environment = z
  .object(Object.fromEntries(variables.map(({ variable, read }) => [variable, read])))
  .and(z.object({ NOTIFICATIONS_ENCRYPTION_KEY: set }))

/** `defaults`: the settings that the documented variables stand for. @throws NotificationError `options_invalid` naming the variable. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): {
  readonly defaults: SettingsValues
  readonly encryptionKey: string | null
} {
  const read = asOptions(() => parseInput(environment, { ...env }, 'environment variables'))
  const defaults = variables.reduce(
    (values, { place, variable }) => (read[variable] === null ? values : withValueAt(values, place, read[variable])),
    emptySettings,
  )
  return { defaults, encryptionKey: read.NOTIFICATIONS_ENCRYPTION_KEY }
}
