import { type Channel, channelOf } from '../../channels/index.ts'
import { type Appointment, isSameRecipient, type WaitlistEntry } from '../../domain/appointment.ts'
import { addressKey, detailFor } from '../../domain/effective.ts'
import type { Start } from '../../domain/local-time.ts'
import { writtenTo } from '../../domain/plan.ts'
import {
  type CalendarText,
  calendarText,
  type MessageFacts,
  namesOf,
  type RenderedMessage,
  renderApproved,
  renderStored,
  type Wording,
} from '../../messages/index.ts'
import type { DeliveryContent } from '../../ports/storage.ts'
import { templateFor } from '../../schemas/approved-templates.ts'
import { channelSettings, templated } from '../../schemas/channel-settings.ts'
import { usualLocale } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import { type Audience, type Category, type Change, type DetailLevel, templateKeyOf } from '../../schemas/vocabulary.ts'
import { asksByItself } from '../shared/asking.ts'
import type { Knowledge } from '../shared/knowledge.ts'
import { startAsRead } from './start-as-read.ts'

/** What a message can be about. */
export type Subject = Appointment | WaitlistEntry

type RenderRequest = {
  /** In whose name it is. */
  readonly organizationId: string
  readonly channel: Channel
  readonly category: Category
  readonly subject: Subject
  readonly recipient: Person
  /** Who has the same address, and gets the message by it. Default: nobody. */
  readonly others?: readonly Person[]
  /** As in `MessageFacts`. */
  readonly changed?: readonly Change[] | undefined
  /** As in `MessageFacts`. */
  readonly isReinstated?: boolean | undefined
  /** It asks for an answer, with this code; null: without one. Left out: it does not ask. */
  readonly askCode?: string | null | undefined
  /** Other appointments that a reminder names too. Default: none. */
  readonly also?: readonly AlsoNamed[]
  /** The person wrote so lately that it is sent without an approved template. Default false. */
  readonly isFreeText?: boolean
  readonly now: Date
}

/** Another appointment of the day, for people with the same address. */
export type AlsoNamed = {
  readonly subject: Appointment
  readonly people: readonly Person[]
  readonly knowledge: Knowledge
  /** By which a reply names it; null: by none. */
  readonly code: string | null
}

/** What a message says, and in which languages. */
function sayings(request: RenderRequest, knowledge: Knowledge) {
  const {
    organizationId,
    channel,
    category,
    subject,
    recipient,
    others = [],
    changed,
    isReinstated,
    askCode,
    also = [],
    now,
  } = request
  const organization = knowledge.organization(organizationId)
  const people = [recipient, ...others]
  const surroundings = knowledge.surroundings(organizationId)
  const { policy } = surroundings
  const readersAmong = ({ people, knowledge }: Pick<AlsoNamed, 'people' | 'knowledge'>) => {
    const around = knowledge.surroundings(organizationId)
    return people.map((person) => ({ person, around, reader: writtenTo(around, person, category) }))
  }
  const everybody = [...readersAmong({ people, knowledge }), ...also.flatMap(readersAmong)]
  const readers = everybody.map(({ reader }) => reader)
  const detail = least(
    everybody.map(({ person, reader, around }) => {
      const levelOf = (one: Person) => detailFor({ policy, preferences: around.preferencesOf(one) }, channel, category)
      return reader === person ? levelOf(person) : least([levelOf(person), levelOf(reader)])
    }),
  )
  const startOf = (start: Start) => startAsRead(start, readers, policy, now)
  const locale = knowledge.localeOf(organizationId, readers[0] ?? recipient)
  const about = {
    category,
    start: subject.start && startOf(subject.start),
    durationMinutes: subject.durationMinutes,
    practitionerName: subject.practitionerName,
    location: subject.location,
    visitMode: subject.visitMode,
    videoLink: subject.videoLink,
    variables: subject.variables,
    changed,
    isReinstated,
    isForPractitioner: readers.every(({ type }) => type === 'PRACTITIONER'),
    linkBase: knowledge.linkBase,
    organizationName: organization?.name ?? null,
    ask: askCode === undefined ? undefined : { code: askCode, isBuiltIn: asksByItself(policy, category) },
    now,
    detail,
  }
  const factsIn = (wording: Wording, tag: string): MessageFacts => ({
    locale: tag,
    wording,
    recipientName: namesOf(readers, tag),
    patientName: namesOf(patientsOf(subject, people), tag),
    ...about,
    ...(also.length === 0
      ? {}
      : {
          also: also.map(({ subject, people, code }) => ({
            start: startOf(subject.start),
            durationMinutes: subject.durationMinutes,
            practitionerName: subject.practitionerName,
            location: subject.location,
            visitMode: subject.visitMode,
            videoLink: subject.videoLink,
            patientName: namesOf(patientsOf(subject, people), tag),
            code,
          })),
        }),
  })
  const wording = knowledge.wording(organizationId, locale)
  let known: MessageFacts | null = null
  const usual = (): MessageFacts => {
    known ??= factsIn(wording, wording.locale)
    return known
  }
  return { policy, organization, people, readers, locale, factsIn, usual }
}
type Sayings = ReturnType<typeof sayings>

/** A message as it stands now. */
export type Worded = {
  /** Null: the organization has no approved template for it, and it is no free text. */
  readonly message: RenderedMessage | null
  /** What an event in a calendar says of the same. */
  readonly event: () => CalendarText
}

/** Works out once what its text and its event have in common. */
export function wordedFor(request: RenderRequest, knowledge: Knowledge): Worded {
  const said = sayings(request, knowledge)
  return { message: rendered(request, said, knowledge), event: () => calendarText(said.usual()) }
}

/** The event of `wordedFor` alone. */
export const calendarTextFor = (request: RenderRequest, knowledge: Knowledge): CalendarText =>
  calendarText(sayings(request, knowledge).usual())

/** The message of `wordedFor` alone. */
export const renderFor = (request: RenderRequest, knowledge: Knowledge): RenderedMessage | null =>
  rendered(request, sayings(request, knowledge), knowledge)

function rendered(request: RenderRequest, said: Sayings, knowledge: Knowledge): RenderedMessage | null {
  const { organizationId, channel, category, subject, isFreeText = false } = request
  const { policy, organization, people, readers, locale, factsIn, usual: factsOf } = said
  const { templates, approvedTemplates } = channelSettings(policy, channel)
  const { content } = channelOf(channel)
  const usual = organization?.locale ?? usualLocale
  const all = approvedTemplates[templateKeyOf[category]] ?? []
  const approved = content.kind === 'text' ? null : templateFor(all, [locale, usual])
  const free = content.kind === 'approved' && approved === null && isFreeText ? (content.free?.format ?? null) : null
  const format = content.kind === 'text' ? content : free
  if (format !== null) {
    const input = {
      channel: templated(channel, format),
      facts: factsOf(),
      // A template for everybody is written once, in the organization's language, and its dates are too.
      templateFacts: (language: string | null) => {
        const wanted =
          language === null ? (organization?.locale ?? locale) : (locale ?? organization?.locale ?? language)
        const ofTemplate = knowledge.wording(organizationId, wanted)
        return factsIn(ofTemplate, wanted ?? ofTemplate.locale)
      },
      templates,
      partials: policy.templatePartials,
      reader: {
        language: locale ?? organization?.locale,
        kind: subject.kind,
        audience: audienceOf(subject, people, readers),
      },
      version: knowledge.settings(organizationId)?.templateVersion,
      compile: knowledge.compile,
      frame: knowledge.frame(organizationId),
      keepsCharacters: !policy.smsPlainCharacters,
    }
    return renderStored(input, (error) => knowledge.templateFailed(organizationId, error))
  }
  const tag = locale ?? usual
  return approved === null || content.kind === 'text'
    ? null
    : renderApproved(content, approved, factsIn(knowledge.wording(organizationId, tag), tag))
}

/** Of several people at one address, nobody learns more than each of them allows. */
const least = (levels: readonly DetailLevel[]): DetailLevel =>
  levels.reduce<DetailLevel>((lowest, level) => (level < lowest ? level : lowest), 2)

export const contentFor = (
  channel: Channel,
  address: string | null,
  rendered: Pick<RenderedMessage, 'subject' | 'text' | 'templateRevision'> | null,
): DeliveryContent => {
  // The documented column of a channel's addresses; a channel without one has none.
  const column = channelOf(channel).columns?.history
  return {
    recipientEmail: column === 'recipientEmail' ? address : null,
    recipientPhone: column === 'recipientPhone' ? address : null,
    recipientAddress: address === null ? null : addressKey(channel, address),
    subject: rendered?.subject ?? null,
    message: rendered?.text ?? '',
    templateRevision: rendered?.templateRevision ?? '',
  }
}

/** A message to patients is about themselves; one to others, about the first patient of the appointment. */
function patientsOf(subject: Subject, people: readonly Person[]): readonly Person[] {
  const isPatient = ({ type }: Person) => type === 'PATIENT'
  const patients = people.filter(isPatient)
  return patients.length > 0 ? patients : subject.recipients.filter(isPatient).slice(0, 1)
}

/**
 * Whether somebody among the readers has the appointment. A client is the parent of a patient where there is one; a contact in
 * somebody's place is somebody else.
 */
function audienceOf({ recipients }: Subject, people: readonly Person[], readers: readonly Person[]): Audience {
  const hasPatients = recipients.some(({ type }) => type === 'PATIENT')
  const isOwn = (reader: Person) =>
    (reader.type === 'PATIENT' || (reader.type === 'CLIENT' && !hasPatients)) &&
    people.some((one) => isSameRecipient(one, reader))
  return readers.some(isOwn) ? 'person' : 'other'
}

/** In `explain()`, what of a message is not as its template would have it: that says too much or is broken, or values are missing. */
export function textInWords({ isTemplateWithheld = false, templateFault, missing = [] }: TextFindings): string[] {
  const withheld =
    'the template says more than the detail level in force allows, so the built-in text of that level is sent'
  const gaps = missing.map((name) => `{${name}}`).join(', ')
  return [
    ...(isTemplateWithheld ? [withheld] : []),
    ...(templateFault === undefined
      ? []
      : [`the template cannot be used (${templateFault}), so the built-in text is sent`]),
    ...(missing.length === 0 ? [] : [`the directory has no value for ${gaps}, which the template names`]),
  ]
}
export type TextFindings = Pick<RenderedMessage, 'isTemplateWithheld' | 'templateFault' | 'missing'>
