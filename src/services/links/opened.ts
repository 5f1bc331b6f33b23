import type { Appointment } from '../../domain/appointment.ts'
import { detailFor } from '../../domain/effective.ts'
import { isolated, type Words, wordsOf } from '../../messages/index.ts'
import type { LinkRow } from '../../ports/storage.ts'
import type { Profile } from '../../schemas/directory.ts'
import type { LinkPurpose } from '../../schemas/link.ts'
import type { PreferenceRef } from '../../schemas/preferences.ts'
import type { Context } from '../shared/context.ts'
import { Knowledge, preferenceRefOf } from '../shared/knowledge.ts'
import type { Place } from '../shared/links.ts'
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

/** Those whom a link is about. */
export type Everyone = readonly [Opened, ...Opened[]]

/** Why there is nothing to open. `never`: there is no such link, or it is not for this; `over`: it was one, of this organization. */
export type Shut =
  | { readonly why: 'never'; readonly organizationId: null }
  | { readonly why: 'over'; readonly organizationId: string }

export const never: Shut = { why: 'never', organizationId: null }

/** Of more people no message is. */
const mostPeople = 20

async function linkAt({ options, links }: Context, token: string, place: Place): Promise<LinkRow | null> {
  const hashes = links.hashes(token, place)
  return hashes.length === 0 ? null : options.storage.links.find(hashes)
}

/** Those whom the link of a token is about. */
async function linksOf(context: Context, token: string): Promise<readonly LinkRow[]> {
  const found: LinkRow[] = []
  for (let place = 0; place < mostPeople; place += 1) {
    const link = await linkAt(context, token, place)
    // The first one may have been erased.
    if (link === null && place > 0) break
    if (link !== null) found.push(link)
  }
  return found
}

/**
 * The link of a token: for each of those whom its message was for, often one. Only reads. Where it is over for one of them, or revoked, it works for
 * the others. @throws NotificationError as the directory does.
 */
export async function openLink(context: Context, purpose: LinkPurpose, token: string): Promise<Everyone | Shut> {
  const now = context.options.clock.now()
  const links = (await linksOf(context, token)).filter((link) => link.purpose === purpose)
  const working = links.filter(({ expiresAt }) => expiresAt > now)
  const [over] = links
  if (over === undefined) return never
  if (working.length === 0) return { why: 'over', organizationId: over.organizationId }
  const all = await Promise.all(working.map((link) => open(context, link, now)))
  const [first, ...others] = all.flatMap((one) => one ?? [])
  if (first !== undefined) return [first, ...others]
  // A directory may name contacts that it does not know as recipients: then it is refused for the person whom they are written to for.
  const person = await linkAt(context, token, 'unknown')
  const instead = person?.purpose === purpose ? await open(context, person, now) : null
  return instead === null ? never : [instead]
}

async function open(context: Context, link: LinkRow, now: Date): Promise<Opened | null> {
  const ref = preferenceRefOf(link.recipient)
  const person = ref === null ? null : await context.host.recipient(ref)
  // Somebody else's by now.
  if (ref === null || person === null || person.organizationId !== link.organizationId) return null
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
