import { type Channel, channelOf } from '../../channels/index.ts'
import type { OrganizationPolicy } from '../../domain/effective.ts'
import { channelSettings } from '../../schemas/channel-settings.ts'
import type { Template } from '../../schemas/templates.ts'
import { type Category, templateKeyOf } from '../../schemas/vocabulary.ts'
import type { Provider } from './accounts/providers.ts'
import type { ServiceOptions } from './service-options.ts'

type Hearing = Pick<ServiceOptions, 'hooks' | 'publicUrl'>

/** What a message that asks for an answer needs of the host application; null: nothing is missing. Continues "must". */
export function missingForAnswers({ hooks, publicUrl }: Hearing): string | null {
  if (hooks.onConfirm === undefined || hooks.onChangeRequest === undefined) {
    return 'have somebody who hears the answers: set "hooks" with onConfirm and onChangeRequest'
  }
  return publicUrl === null ? 'have a webhook where replies arrive: set the option "publicUrl"' : null
}

/** Whether people can reply to what this account sends: a name as the sender shows, and takes no replies. */
export const canReceive = ({ transport, from }: Pick<Provider, 'transport' | 'from'>): boolean =>
  transport.receivesReplies === true && (from === null || !/\p{L}/u.test(from))

/** Whether messages of this kind ask for an answer: a template that does, or the built-in text where the organization wants it. */
export function asksFor(policy: OrganizationPolicy, channel: Channel, category: Category): boolean {
  const { content } = channelOf(channel)
  // Approved templates ask by their buttons, which the organization knows of.
  if (content.kind === 'approved') return asksByItself(policy, category)
  if (!content.asks) return false
  const template = channelSettings(policy, channel).templates[templateKeyOf[category]]
  if (template === undefined) return asksByItself(policy, category)
  // Whether one that asks is for the reader is known when it is rendered.
  const texts = JSON.stringify(template)
  return (
    hintVariable.test(texts) || (texts.includes('{>') && hintVariable.test(JSON.stringify(policy.templatePartials)))
  )
}

/** Built-in texts ask in reminders only: a confirmation that asks for another one confuses. */
export const asksByItself = (policy: OrganizationPolicy, category: Category): boolean =>
  policy.askForAnswers && category === 'REMINDER'

/** Whether one reminder can name several appointments: the built-in text does, and a template with their list and no link that answers for one. */
export function canList(policy: OrganizationPolicy, channel: Channel): boolean {
  if (channelOf(channel).content.kind !== 'text') return false
  const template = channelSettings(policy, channel).templates[templateKeyOf.REMINDER]
  if (template === undefined) return true
  const { templatePartials } = policy
  const whole = (text: string) => (text.includes('{>') ? text + JSON.stringify(templatePartials) : text)
  return textsOf(template).every((text) => listsAll(whole(text)))
}

/** What each reader may get, with its buttons. */
function textsOf(template: Template): readonly string[] {
  if (typeof template === 'string') return [template]
  const { variants = [], ...own } = template
  return [...(own.body === undefined ? [] : [own]), ...variants].map((one) => JSON.stringify(one))
}

const listsAll = (template: string): boolean => list.test(template) && !answerLink.test(template)

// A name may stand between blanks, which a template in JSON has as `\n`.
const list = /\{(?:\s|\\[nrt])*appointments(?:\s|\\[nrt])*\}/
const answerLink = /\{(?:\s|\\[nrt])*(?:confirm|change|cancel)_url\b/

/** The variable of templates by which they ask. */
const hintVariable = /\{(?:\s|\\[nrt])*answer_hint\b/
