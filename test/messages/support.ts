import fc from 'fast-check'
import { type Channel, channelOf } from '../../src/channels/index.ts'
import { isNotificationError, type NotificationError } from '../../src/errors.ts'
import type { MessageFacts, RenderedMessage, Templated } from '../../src/messages/index.ts'
import * as messages from '../../src/messages/index.ts'
import { templated } from '../../src/schemas/channel-settings.ts'
import type { Template, TemplateSet } from '../../src/schemas/templates.ts'
import { categories, templateKeyOf } from '../../src/schemas/vocabulary.ts'

type Rendering = Omit<Parameters<typeof messages.renderMessage>[0], 'channel'> & { readonly channel: Channel }

/** A channel of texts. */
function textsOf(channel: Channel): Templated {
  const { content } = channelOf(channel)
  if (content.kind !== 'text') throw new Error(`${channel} has no texts`)
  return templated(channel, content)
}

export const renderMessage = ({ channel, ...input }: Rendering): RenderedMessage =>
  messages.renderMessage({ ...input, channel: textsOf(channel) })

/** Checks templates of the channel whose setting this is. */
export const checkTemplates = (field: 'emailTemplates' | 'smsTemplates', templates: TemplateSet) =>
  messages.checkTemplates(textsOf(field === 'emailTemplates' ? 'EMAIL' : 'SMS'), templates)

/** The same of e-mail, with what templates are made of. */
export const checkMade = (templates: TemplateSet, making: messages.Making) =>
  messages.checkTemplates(textsOf('EMAIL'), templates, making)

/** The documented appointment: January 15, 2024 at 2:00 PM with Dr. Smith, seen a day before. */
export function facts(changes: Partial<MessageFacts> = {}): MessageFacts {
  return {
    category: 'REMINDER',
    start: { instant: new Date('2024-01-15T19:00:00Z'), timeZone: 'America/New_York' },
    durationMinutes: 30,
    practitionerName: 'Dr. Smith',
    location: '12 Main St',
    organizationName: 'Medical Clinic',
    recipientName: 'Jane Doe',
    patientName: 'Jane Doe',
    locale: 'en-US',
    now: new Date('2024-01-14T19:00:00Z'),
    ...changes,
  }
}

/** Facts in which only the start, the locale and now are known. */
export function bareFacts(changes: Partial<MessageFacts> = {}): MessageFacts {
  const unknown = { durationMinutes: null, practitionerName: null, location: null, organizationName: null }
  return facts({ ...unknown, recipientName: null, patientName: null, ...changes })
}

/** Renders one template of the category of the facts. */
export function render(
  template: Template | null,
  changes: Partial<MessageFacts> = {},
  channel: Channel = 'SMS',
): RenderedMessage {
  const told = facts(changes)
  const templates: TemplateSet = template === null ? {} : { [templateKeyOf[told.category]]: template }
  return renderMessage({ channel, facts: told, templates })
}

export const text = (template: Template, changes: Partial<MessageFacts> = {}): string => render(template, changes).text

export function thrown(run: () => unknown): NotificationError {
  try {
    run()
  } catch (error) {
    if (isNotificationError(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** The error of a reminder template for e-mail. */
export const refusal = (template: Template): NotificationError =>
  thrown(() => checkTemplates('emailTemplates', { appointment_reminder: template }))

export const zones = Intl.supportedValuesOf('timeZone')

export const locales = ['en-US', 'en-GB', 'de', 'fr-CA', 'es-MX', 'ar-EG', 'he', 'hi', 'ja', 'fa', 'th', 'pt-BR', 'sw']

const nasty = fc.constantFrom(
  '\r\nBcc: x@y.z',
  '\u0000',
  '\u2028',
  '\ud800',
  '<b>',
  '"\'&',
  '}',
  '#',
  '$&',
  '😀',
  '{date}',
)

const name = fc.option(
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.array(fc.oneof(nasty, fc.string({ maxLength: 8 })), { maxLength: 6 }).map((parts) => parts.join('')),
  ),
)

const instant = fc.date({ min: new Date('1990-01-01'), max: new Date('2040-01-01'), noInvalidDate: true })

/** Any facts whatever; names hold anything, braces too. */
export const anyFacts: fc.Arbitrary<MessageFacts> = fc.record({
  category: fc.constantFrom(...categories),
  start: fc.option(fc.record({ instant, timeZone: fc.constantFrom(...zones) })),
  durationMinutes: fc.option(fc.oneof(fc.integer({ min: 1, max: 600 }), fc.constant(22.5))),
  practitionerName: name,
  location: name,
  organizationName: name,
  recipientName: name,
  patientName: name,
  locale: fc.oneof(fc.constantFrom(...locales), fc.constantFrom('xx-YY', 'not a locale', '')),
  now: instant,
})

/** The same facts with every brace taken out of the values. */
export function withoutBraces(told: MessageFacts): MessageFacts {
  const plain = (value: string | null) => value?.replace(/[{}]/g, '') ?? null
  return {
    ...told,
    practitionerName: plain(told.practitionerName),
    location: plain(told.location),
    organizationName: plain(told.organizationName),
    recipientName: plain(told.recipientName),
    patientName: plain(told.patientName),
  }
}
