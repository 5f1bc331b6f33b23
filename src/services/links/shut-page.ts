import type { Language, TextKey } from '../../messages/index.ts'
import type { Context } from '../shared/context.ts'
import type { Shut } from './opened.ts'
import type { Page } from './page.ts'

/**
 * The same for all in a language: it reveals neither whom a link was for, nor whether there was one. `accepted`: the languages that the browser
 * asks for; else that of the organization whose link it was, else English.
 */
export async function shutPage(
  context: Context,
  { why, organizationId }: Shut,
  accepted: readonly string[],
): Promise<Page> {
  const locale = organizationId === null ? null : await localeOf(context, organizationId)
  const language = await context.languages.firstOf([...accepted, ...(locale === null ? [] : [locale])])
  return stranger(language, why === 'over' ? 410 : 404, 'page.gone_text')
}

/** Something failed that the person can do nothing about. */
export const troublePage = async (context: Context, status: number, accepted: readonly string[]): Promise<Page> =>
  stranger(await context.languages.firstOf(accepted), status, 'page.later')

const stranger = ({ tag, isFromRight, texts }: Language, status: number, text: TextKey): Page => ({
  status,
  language: tag,
  isFromRight,
  organization: null,
  color: null,
  title: texts['page.gone']({}),
  paragraphs: [texts[text]({})],
  isResult: false,
  file: null,
  form: null,
})

/** Null: it has none, or nobody knows. */
async function localeOf({ host }: Context, organizationId: string): Promise<string | null> {
  const found = await host.organizations([organizationId]).catch(() => null)
  const organization = found?.(organizationId)
  return organization?.kind === 'known' ? (organization.value.locale ?? null) : null
}
