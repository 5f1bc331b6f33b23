import { appointmentCommands } from './appointments.ts'
import type { Commands } from './command.ts'
import { settingsCommands } from './settings.ts'
import { systemCommands } from './system.ts'
import { templateCommands } from './templates.ts'

/** By name, of one word or two. */
export const commands: Commands = {
  ...systemCommands,
  ...appointmentCommands,
  ...settingsCommands,
  ...templateCommands,
}
