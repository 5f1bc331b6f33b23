import type { Appointment } from '../../domain/appointment.ts'
import { detailFor } from '../../domain/effective.ts'
import { isolated, type Words, wordsOf } from '../../messages/index.ts'
import type { LinkRow } from '../../ports/storage.ts'
import type { Profile } from '../../schemas/directory.ts'
import type { LinkPurpose } from '../../schemas/link.ts'
import type { PreferenceRef } from '../../schemas/preferences.ts'
import type { Context } from '../shared/context.ts'
import { Knowledge, preferenceRefOf } from '../shared/knowledge.ts'
import type { Page } from './page.ts'

/** A link that works, with what is known of whom it is for. */
export type Opened = {
  readonly link: LinkRow
  readonly person: Profile
  readonly ref: PreferenceRef
  readonly knowledge: Knowledge
  readonly words: Words
  /** Null: the link is about none, or the host does not know it. */
  readonly appointment: Appointment | null
  readonly now: Date
}

/** Why there is nothing to open. `never`: there is no such link, or it is not for this; `over`: it was one. */
export type Shut = 'never' | 'over'

/** The link of a token. Only reads. @throws NotificationError as the directory does. */
export async function openLink(context: Context, purpose: LinkPurpose, token: string): Promise<Opened | Shut> {
  const { storage, clock } = context.options
  const hashes = context.links.hashes(token)
  const link = hashes.length === 0 ? null : await storage.links.find(hashes)
  if (link === null || link.purpose !== purpose) return 'never'
  const now = clock.now()
  if (link.expiresAt <= now) return 'over'
  const ref = preferenceRefOf(link.recipient)
  const person = ref === null ? null : await context.host.recipient(ref)
  // Somebody else's by now.
  if (ref === null || person === null || person.organizationId !== link.organizationId) return 'never'
  const knowledge = await Knowledge.load(context, [{ organizationId: link.organizationId, recipients: [person] }])
  const { organizationId } = link
  const appointmentId = link.appointmentId
  const lookup = appointmentId === null ? null : (await context.host.appointments([appointmentId]))(appointmentId)
  const appointment = lookup?.kind === 'known' ? lookup.value : null
  const start = appointment?.start ?? null
  const { policy, preferencesOf } = knowledge.surroundings(organizationId)
  const wording = knowledge.wording(organizationId, knowledge.localeOf(organizationId, person))
  const words = wordsOf({
    category: 'REMINDER',
    start: start === null ? null : { instant: start.instant, timeZone: start.timeZone },
    durationMinutes: null,
    practitionerName: null,
    location: null,
    organizationName: knowledge.organization(organizationId)?.name ?? null,
    recipientName: null,
    patientName: null,
    locale: wording.locale,
    wording,
    now,
    detail:
      link.channel === null
        ? 0
        : detailFor({ policy, preferences: preferencesOf(person) }, link.channel, link.category ?? 'REMINDER'),
  })
  return { link, person, ref, knowledge, words, appointment, now }
}

/** What every page of a link has. */
export function pageOf({ link, knowledge, words }: Opened, page: Pick<Page, 'title'> & Partial<Page>): Page {
  const { policy } = knowledge.surroundings(link.organizationId)
  return {
    status: 200,
    language: words.language,
    isFromRight: words.isFromRight,
    organization: words.values.organization === '' ? null : String(words.values.organization ?? ''),
    color: policy.brandColor,
    paragraphs: [],
    isResult: false,
    file: null,
    form: null,
    ...page,
  }
}

/** A value within the words of a page. */
export const put = ({ words }: Pick<Opened, 'words'>, value: string): string => isolated(value, words.isFromRight)
