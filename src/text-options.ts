import { z } from 'zod'
import { NotificationError } from './errors.ts'
import {
  type Compilers,
  compilersOf,
  isVariable,
  LanguageFault,
  type LanguageFile,
  Languages,
  languageFiles,
  usualCompilers,
} from './messages/index.ts'
import { asOptions } from './schemas/as-options.ts'
import { parseInput } from './schemas/common.ts'
import { type HostVariableInput, hostVariable } from './schemas/host-variables.ts'

/** The languages of the library with those of the host. @throws NotificationError `options_invalid` naming the text. */
export function languagesOf(files: readonly LanguageFile[] | undefined): Languages {
  if (files === undefined) return new Languages()
  const { languages } = asOptions(() =>
    parseInput(z.object({ languages: languageFiles }), { languages: files }, 'options'),
  )
  try {
    return new Languages(languages)
  } catch (error) {
    if (!(error instanceof LanguageFault)) throw error
    throw new NotificationError('options_invalid', `The option "languages": ${error.message}`, { field: 'languages' })
  }
}

const name = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,49}$/, 'must be a name of small letters, digits and underscores')
  .refine((text) => !isVariable(text) && !text.startsWith('has_'), 'must not be a variable of the library')
  .refine((text) => !(text in {}), 'must not be what every object has')

/** Templates may name these variables beside those of the library. @throws NotificationError `options_invalid` naming the variable. */
export function compilersFor(variables: Readonly<Record<string, HostVariableInput>> | undefined): Compilers {
  if (variables === undefined) return usualCompilers
  const read = asOptions(() =>
    parseInput(z.object({ variables: z.record(name, hostVariable) }), { variables }, 'options'),
  )
  return compilersOf(new Map(Object.entries(read.variables)))
}
