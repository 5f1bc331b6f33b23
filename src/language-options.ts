import { z } from 'zod'
import { NotificationError } from './errors.ts'
import { LanguageFault, type LanguageFile, Languages, languageFiles } from './messages/index.ts'
import { asOptions } from './schemas/as-options.ts'
import { parseInput } from './schemas/common.ts'

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
