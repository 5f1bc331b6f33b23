import { createHash, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { email } from '../../channels/email.ts'
import { type Channel, channelOf, channels } from '../../channels/index.ts'
import { NotificationError } from '../../errors.ts'
import { cleanName, renderApproved, sampleFacts } from '../../messages/index.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import type { OutboundMessage } from '../../ports/transport.ts'
import { templateFor } from '../../schemas/approved-templates.ts'
import type { Actor } from '../../schemas/audit.ts'
import { channelSettings, nameOf, templatesPlace } from '../../schemas/channel-settings.ts'
import { type Contact, fieldInvalid, usualLocale } from '../../schemas/common.ts'
import { loadNumberingPlans } from '../../schemas/phone-number.ts'
import { ruleTable } from '../../schemas/rules.ts'
import { taskManagerProvider } from '../../schemas/task-manager.ts'
import { categories, templateKeyOf } from '../../schemas/vocabulary.ts'
import { messageBy, sendNow } from '../shared/accounts/provider-calls.ts'
import { type Candidate, firstOf, sourceOf } from '../shared/accounts/providers.ts'
import type { Context } from '../shared/context.ts'
import { ownAddress } from '../shared/knowledge.ts'
import { KnownAddresses } from '../shared/known-addresses.ts'
import { policyOf } from '../shared/settings-view.ts'
import { type AccountCheck, accountMissing, accountNamed, wrongFields } from './account-checks.ts'

export const testMessageResults = ['sent', 'failed', 'unknown'] as const

export const testMessageOptions = z.strictObject({
  /** Channel to send on. Default: the channel of `accountId`, or else `EMAIL`. */
  channel: z.enum(channels).optional().describe('Channel to send on. Default: that of the account, or else e-mail'),
  /** Id of the account to send with. Default: the one that messages are sent with now. */
  accountId: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('Account of the organization to send by. Default: the one that would send now'),
  /**
   * A key of yours, 1 to 255 characters, handed to the provider: where it honors such keys, a repeated request sends once.
   * Default: a new one for each call.
   */
  idempotencyKey: z.string().min(1).max(255).optional(),
})
/** Options of a test message. */
export type TestMessageOptions = z.input<typeof testMessageOptions>

/** Result of a test message, and the account that it was sent with. */
export type TestMessageResult = Omit<AccountCheck, 'status'> & {
  /** `sent`: the provider accepted it. `failed`: it was not sent. `unknown`: it may arrive. */
  readonly result: (typeof testMessageResults)[number]
}

type Tested = {
  readonly organizationId: string
  readonly organizationName: string | null
  /** The organization's language (BCP 47). */
  readonly locale: string
  readonly row: SettingsRow | null
  readonly channel: Channel
  /** The account to send by; null: the first that can. */
  readonly candidate: Candidate | null
  readonly address: string
  readonly idempotencyKey: string | undefined
  /** What it says; null: that it is a test. */
  readonly content: TestContent | null
}

/**
 * The address of a contact on a channel, in its normal form.
 * @throws NotificationError `invalid_input`: it has none, or none that can be used.
 */
async function testAddress(channel: Channel, { email, phone }: Contact, row: SettingsRow | null): Promise<string> {
  const { address, words } = channelOf(channel)
  const written = address.of({ email, phone }) ?? null
  if (written === null) {
    throw new NotificationError(
      'invalid_input',
      `There is no contact to send a test message by ${words.name} to. It goes to the caller: over HTTP, to the \`email\` or \`phone\` that the option "authenticate" returns with the caller.`,
    )
  }
  await loadNumberingPlans()
  const read = address.read(written, row?.defaultCountry ?? null)
  if (read.address !== null) return read.address
  throw new NotificationError(
    'invalid_input',
    `The contact of the caller for ${words.name} cannot be used: it ${read.fault}.`,
  )
}

/**
 * Sends a test message to the contact by the account of the options, or by the one that would send now, and audits it. `row`: the
 * organization's settings; null: it has none.
 * @throws NotificationError `invalid_input`
 */
export async function testAccount(
  context: Context,
  actor: Actor,
  organizationId: string,
  row: SettingsRow | null,
  contact: Contact,
  { accountId, idempotencyKey, ...given }: z.output<typeof testMessageOptions>,
  content: TestContent | null = null,
): Promise<TestMessageResult> {
  await context.hostAccounts.refresh()
  const chosen = accountId === undefined ? null : accountNamed(context, row, accountId)
  const channel = given.channel ?? chosen?.channel ?? email.name
  if (chosen !== null && chosen.channel !== channel)
    throw fieldInvalid('channel', `must be ${chosen.channel}, or left out: the account ${accountId} sends on that`)
  const address = await testAddress(channel, contact, row)
  // What is refused above has written nothing.
  await context.hostAccounts.load()
  const found = (await context.host.organizations([organizationId]))(organizationId)
  const { name: organizationName = null, locale } = found.kind === 'known' ? found.value : {}
  const named = { organizationName, locale: locale ?? usualLocale }
  const candidate = chosen?.candidate ?? null
  const about = { organizationId, ...named, row, channel, candidate, address, idempotencyKey, content }
  const sent = await sendTestMessage(context, about)
  const { storage, clock } = context.options
  await storage.audit.append({
    organizationId,
    at: clock.now(),
    actor,
    action: 'test_message.sent',
    target: { type: 'organization', id: organizationId },
    detail: { channel, outcome: sent.result, ...(sent.code !== null && { reason: sent.code }) },
  })
  return sent
}

/** Sends it whether or not the organization uses the channel yet, and whether or not its account is paused. */
async function sendTestMessage(context: Context, tested: Tested): Promise<TestMessageResult> {
  const { providers, options, accounts } = context
  const { organizationId, row, channel, address } = tested
  const candidate = tested.candidate ?? firstOf(providers.find(row, channel))
  const { accountId, entry, sender: found } = candidate
  const nobody = { channel, accountId, provider: null, source: null, result: 'failed' } as const
  if (providers.delivered) {
    const message = 'TaskManager delivers; this library cannot send a test message by itself.'
    return { ...nobody, accountId: null, source: taskManagerProvider, code: taskManagerProvider, message, fields: [] }
  }
  if (typeof found === 'string') return { ...nobody, ...accountMissing(row, channel, found, entry) }
  const about = { channel, accountId, provider: found.transport.name, source: sourceOf(found) }
  const own = ownAddress(context, row, organizationId, channel, address)
  if ((await KnownAddresses.load(options.storage.addresses, [own])).suppression(own) !== null) {
    const message = `The test message was not sent: ${ruleTable.suppressed}.`
    return { ...about, result: 'failed', code: 'suppressed', message, fields: [] }
  }
  const content = tested.content ?? contentOf(tested)
  if (content === null) {
    const message = `The test message was not sent: ${ruleTable.no_template}.`
    const fields = [nameOf(templatesPlace(channel))]
    return { ...about, result: 'failed', code: 'no_template', message, fields }
  }
  const { organizationName, idempotencyKey: key } = tested
  const idempotencyKey = key === undefined ? randomUUID() : keyOf([organizationId, channel, key])
  const sent = { organizationId, channel, idempotencyKey }
  const failure = await sendNow(
    options,
    found,
    messageBy(found, organizationName, { ...sent, to: address, ...content }),
  )
  if (failure === null) {
    await accounts.proven(found, address)
    return { ...about, result: 'sent', code: null, message: 'The provider accepted the message.', fields: [] }
  }
  const { code, message, field, isUnknown } = failure
  const isOwn = about.source === 'organization'
  return {
    ...about,
    result: isUnknown ? 'unknown' : 'failed',
    code,
    message,
    fields: isOwn || field !== null ? wrongFields(row, channel, entry, field) : [],
  }
}

/** What a test message says. */
export type TestContent = Pick<OutboundMessage, 'subject' | 'text' | 'html' | 'template'>

/** Built-in words; or, where only approved templates are sent, one of the organization's with `TEST` for each name. Null: it has none. */
function contentOf({ organizationName, locale, row, channel }: Tested): TestContent | null {
  const { content } = channelOf(channel)
  const name = cleanName(organizationName)
  if (content.kind === 'text') {
    const { subject, text } = content.test(name)
    return { subject, ...content.finish(text, 'en'), template: null }
  }
  const { approvedTemplates } = channelSettings(policyOf(row), channel)
  for (const category of categories) {
    const template = templateFor(approvedTemplates[templateKeyOf[category]] ?? [], [locale])
    if (template === null) continue
    const names = { recipientName: test, patientName: test, practitionerName: test, location: test }
    return renderApproved(content, template, { ...sampleFacts(category), ...names, organizationName: name, locale })
  }
  return null
}

const test = 'TEST'

const keyOf = (parts: readonly string[]): string =>
  createHash('sha256')
    .update(JSON.stringify(['test', ...parts]))
    .digest('base64url')
