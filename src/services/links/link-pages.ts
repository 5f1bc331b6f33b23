import { channels } from '../../channels/index.ts'
import { addressKey } from '../../domain/effective.ts'
import { NotificationError } from '../../errors.ts'
import { maskAddress } from '../../schemas/address.ts'
import type { Actor } from '../../schemas/audit.ts'
import { preferencePlace, withValueAt } from '../../schemas/channel-settings.ts'
import { type HostId, type HostRef, organizationId, parseField } from '../../schemas/common.ts'
import { type AnswerPurpose, isAnswerPurpose, type LinkPurpose } from '../../schemas/link.ts'
import { readOffset } from '../../schemas/offset.ts'
import type { PreferencesInput } from '../../schemas/preferences.ts'
import { type Category, categories } from '../../schemas/vocabulary.ts'
import type { Answers } from '../answers/answers.ts'
import type { Consent } from '../consent/consent.ts'
import { beginProof, provenContact } from '../settings/contact-proof.ts'
import { RecipientPreferences } from '../settings/recipient-preferences.ts'
import { SettingsService } from '../settings/settings-service.ts'
import type { Context } from '../shared/context.ts'
import { readId, readRecipient } from '../shared/ids.ts'
import { calendarDownload, isOfferedForCalendar } from './calendar-download.ts'
import { type Everyone, isOutdated, never, type Opened, openLink, pageOf, put } from './opened.ts'
import type { FormFields, Page } from './page.ts'
import {
  boxName,
  choicesOf,
  contactName,
  formOf,
  kindInWords,
  languagesAsked,
  offsetsName,
  readShown,
} from './preferences-form.ts'
import { shutPage, troublePage } from './shut-page.ts'

/** Whose links to revoke: those of a recipient, or those of an appointment. */
export type RevokedLinks =
  | { readonly organizationId: string; readonly recipient: HostRef }
  | { readonly organizationId: string; readonly appointmentId: HostId }

/** The wording of the page, for the record of consent. Another one where it says something else. */
const wordingVersion = 'page:1'

/**
 * The pages that links of messages open. Showing one changes nothing, whoever asks and however often: programs that scan mail open
 * every link. Only the form of a page changes something.
 */
export class LinkPages {
  readonly #context: Context
  readonly #answers: Pick<Answers, 'act'>
  readonly #consent: Pick<Consent, 'as'>

  constructor(context: Context, answers: Pick<Answers, 'act'>, consent: Pick<Consent, 'as'>) {
    this.#context = context
    this.#answers = answers
    this.#consent = consent
  }

  /**
   * Invalidates all links sent so far to a recipient, or about an appointment. Messages sent later have valid links.
   * Repeating it is harmless.
   * @throws NotificationError `invalid_input`, or one of the `storage_*` errors.
   */
  async revoke(of: RevokedLinks): Promise<void> {
    const { ids, storage } = this.#context.options
    const id = parseField(organizationId, of.organizationId, 'organizationId')
    await storage.links.revoke(
      'recipient' in of
        ? { organizationId: id, recipient: readRecipient(ids, of.recipient, 'recipient') }
        : { organizationId: id, appointmentId: readId(ids, 'appointment', of.appointmentId, 'appointmentId') },
    )
  }

  /** The page of a link. `accepted`: the languages of whoever asks, for a link that does not work. @throws NotificationError as the directory and the storage do. */
  async show(purpose: LinkPurpose, token: string, accepted: readonly string[] = []): Promise<Page> {
    const all = await openLink(this.#context, purpose, token)
    if ('why' in all) return shutPage(this.#context, all, accepted)
    const [opened] = all
    if (isAnswerPurpose(purpose)) return this.#question(opened, purpose, token)
    const { words } = opened
    if (purpose === 'preferences') {
      return pageOf(opened, {
        title: words.say('page.title'),
        paragraphs: [words.say('page.intro'), ...forAll(all)],
        form: formOf(this.#context, all),
      })
    }
    if (purpose === 'unsubscribe') {
      const button = words.say('page.unsubscribe')
      const paragraphs = [words.say('page.unsubscribe_text', { kind: kindOf(opened) }), ...forAll(all)]
      return pageOf(opened, { title: button, paragraphs, form: { kind: 'button', button } })
    }
    const address = provenContact(this.#context, opened.link)
    return pageOf(opened, {
      title: words.say('page.contact'),
      paragraphs: [words.say('page.contact_text', { address: put(opened, maskAddress(address)) })],
      form: { kind: 'button', button: words.say('page.contact') },
    })
  }

  /** The appointment as a calendar file, under the token of the page that confirms it; or why not. Only reads. */
  async calendar(token: string, accepted: readonly string[] = []): Promise<string | Page> {
    const all = await openLink(this.#context, 'confirm', token)
    if ('why' in all) return shutPage(this.#context, all, accepted)
    const [opened] = all
    const { organizationId } = opened.link
    const over = { why: 'over', organizationId } as const
    return (await calendarDownload(this.#context, opened)) ?? shutPage(this.#context, over, accepted)
  }

  /** Does what the form of the page asks for. Repeating it does it once; a link that proved an address cannot be used again. */
  async act(purpose: LinkPurpose, token: string, fields: FormFields, accepted: readonly string[] = []): Promise<Page> {
    const all = await openLink(this.#context, purpose, token)
    if ('why' in all) return shutPage(this.#context, all, accepted)
    const [opened] = all
    if (isAnswerPurpose(purpose)) return this.#answer(opened, purpose, token)
    const { words } = opened
    if (purpose === 'unsubscribe') {
      for (const one of all) await this.#unsubscribe(one)
      const paragraphs = [words.say('page.unsubscribed', { kind: kindOf(opened) })]
      return pageOf(opened, { title: words.say('page.unsubscribe'), paragraphs, isResult: true })
    }
    if (purpose === 'contact') {
      const address = await this.#proven(opened)
      const paragraphs = [words.say('page.contact_done', { address: put(opened, maskAddress(address)) })]
      return pageOf(opened, { title: words.say('page.contact'), paragraphs, isResult: true })
    }
    return this.#save(all, fields)
  }

  /** Something failed that the person can do nothing about. */
  async trouble(status: number, accepted: readonly string[]): Promise<Page> {
    return troublePage(this.#context, status, accepted)
  }

  /** The address is the person's: it is used from now on. The link is over, lest it brings the address back after it was changed. */
  async #proven(opened: Opened): Promise<string> {
    const { link, ref } = opened
    const { storage, clock } = this.#context.options
    const { organizationId, channel } = link
    const address = provenContact(this.#context, link)
    if (channel === null) return address
    const by = actorOf(opened)
    const patch: PreferencesInput = withValueAt({}, preferencePlace(channel, 'address'), address)
    await new RecipientPreferences(this.#context, by, organizationId).write(ref, patch)
    const own = { organizationId, channel, address: addressKey(channel, address) }
    await storage.addresses.prove(own, clock.now(), by)
    await storage.links.revoke({ hash: link.hash })
    return address
  }

  /** Exactly what the header of the mail says: this kind of message, on this channel. */
  async #unsubscribe(opened: Opened): Promise<void> {
    const { link, ref } = opened
    if (link.channel === null || link.category === null) return
    await this.#consent.as(actorOf(opened)).refuse({
      organizationId: link.organizationId,
      who: { recipient: ref },
      channels: [link.channel],
      categories: [link.category],
      how: 'one_click',
      wording: null,
    })
  }

  #question(opened: Opened, purpose: AnswerPurpose, token: string): Page {
    const { words } = opened
    if (isOutdated(opened)) return outdated(opened, purpose)
    const { day, time } = words.values
    const when =
      day === '' || time === '' ? [] : [words.say('date_line', { day: words.day('full') }), words.say('time_line')]
    const button = words.say(`page.${purpose}`)
    const file = this.#file(opened, purpose, token)
    return pageOf(opened, { title: button, paragraphs: when, file, form: { kind: 'button', button } })
  }

  /** Of the page that confirms. */
  #file(opened: Opened, purpose: AnswerPurpose, token: string): Page['file'] {
    if (purpose !== 'confirm' || !isOfferedForCalendar(this.#context, opened)) return null
    return { href: `../calendar/${token}`, label: opened.words.say('page.calendar') }
  }

  async #answer(opened: Opened, purpose: AnswerPurpose, token: string): Promise<Page> {
    const { words, link, ref, now } = opened
    const title = words.say(`page.${purpose}`)
    if (link.appointmentId === null) return shutPage(this.#context, never, [])
    // What the host has not reported yet, its directory may know.
    if (isOutdated(opened)) return outdated(opened, purpose)
    const { status } = await this.#answers.act({
      organizationId: link.organizationId,
      appointmentId: link.appointmentId,
      recipient: ref,
      action: purpose,
      via: 'link',
      ...(link.startsAt === null ? {} : { startsAt: link.startsAt }),
      at: now,
      by: actorOf(opened),
    })
    if (status === 'recorded' || status === 'repeated') {
      const file = this.#file(opened, purpose, token)
      return pageOf(opened, { title, paragraphs: [words.say(`page.${purpose}_done`)], isResult: true, file })
    }
    return outdated(opened, purpose)
  }

  /** For each of those whom the page is about: what the person changed, and nothing else. */
  async #save(all: Everyone, fields: FormFields): Promise<Page> {
    const [opened] = all
    const { words } = opened
    const title = words.say('page.title')
    const isStop = fields.one('stop') !== null
    const shown = readShown(fields.one('shown') ?? '')
    for (const one of all) await (isStop ? this.#stopAll(one) : this.#choose(one, fields, shown))
    if (isStop) return pageOf(opened, { title, paragraphs: [words.say('page.stopped')], isResult: true })
    const notes = all.length === 1 ? await this.#proofs(opened, fields) : []
    return pageOf(opened, { title, paragraphs: [words.say('page.saved'), ...notes], isResult: true })
  }

  async #stopAll(opened: Opened): Promise<void> {
    const consent = this.#consent.as(actorOf(opened))
    await consent.refuse({ ...saidOf(opened), channels: 'all', categories: 'all' })
  }

  async #choose(opened: Opened, fields: FormFields, shown: ReadonlyMap<string, string>): Promise<void> {
    const said = saidOf(opened)
    const consent = this.#consent.as(actorOf(opened))
    for (const { channel, isOff } of choicesOf(opened)) {
      const offered = categories.filter((category) => shown.has(boxName(channel, category)))
      const isOn = (category: Category) => isChecked(fields, boxName(channel, category))
      const wasOn = (category: Category) => shown.get(boxName(channel, category)) === '1'
      const given = offered.filter((category) => !wasOn(category) && isOn(category))
      const isBack = isOff && given.length > 0
      // Of a channel that comes back, what stays off is refused first, also where another of those whom the page is about gets it.
      const refused = offered.filter((category) =>
        isBack ? !given.includes(category) : !isOn(category) && wasOn(category),
      )
      if (refused.length > 0) await consent.refuse({ ...said, channels: [channel], categories: refused })
      if (given.length > 0) await consent.give({ ...said, channels: [channel], categories: given })
      if (isBack) await consent.give({ ...said, channels: [channel], categories: 'all' })
    }
    const patch = this.#wishes(opened, fields, shown)
    if (Object.keys(patch).length > 0)
      await new SettingsService(this.#context, actorOf(opened)).updatePreferences(opened.ref, patch)
  }

  /** When reminders come, and the language: what differs from what the page showed. */
  #wishes(opened: Opened, fields: FormFields, shown: ReadonlyMap<string, string>): PreferencesInput {
    const wishes = channels.reduce<PreferencesInput>((sofar, channel) => {
      const name = offsetsName(channel)
      const before = shown.get(name)
      const chosen = fields.all(name).filter((text) => typeof readOffset(text) !== 'string')
      if (before === undefined || isSameList(chosen, before === '' ? [] : before.split(','))) return sofar
      return withValueAt(sofar, preferencePlace(channel, 'reminders'), chosen.slice(0, 20))
    }, {})
    const language = fields.one('language')
    const isNew = language !== null && language !== shown.get('language')
    const isKnown = isNew && this.#context.languages.usable(languagesAsked(opened)).includes(language)
    return isKnown ? { ...wishes, textLanguage: language } : wishes
  }

  /** New addresses are used once they are proven. */
  async #proofs(opened: Opened, fields: FormFields): Promise<string[]> {
    const { words, link, ref } = opened
    const notes: string[] = []
    for (const channel of channels) {
      const written = fields.one(contactName(channel))?.trim() ?? ''
      if (written === '' || written.length > 320) continue
      const result = await beginProof(this.#context, {
        organizationId: link.organizationId,
        ref,
        channel,
        written,
      }).catch((error: unknown) => {
        if (error instanceof NotificationError && error.code === 'invalid_input') return 'unusable' as const
        throw error
      })
      const key = result === 'sent' ? 'page.proof_sent' : result === 'unusable' ? 'page.proof_unusable' : 'page.later'
      notes.push(words.say(key))
    }
    return notes
  }
}

/** The appointment is not any more what the message said of it. */
const outdated = (opened: Opened, purpose: AnswerPurpose): Page => {
  const { words } = opened
  const paragraphs = [words.say('page.outdated')]
  return pageOf(opened, { status: 410, title: words.say(`page.${purpose}`), paragraphs, isResult: true })
}

const isChecked = (fields: FormFields, name: string): boolean => fields.one(name) !== null

const isSameList = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((text) => other.includes(text))

const kindOf = (opened: Opened): string => {
  const category: Category | null = opened.link.category
  return category === null ? '' : kindInWords(opened, category)
}

/** Where a message was for several people, its link is about all of them. */
const forAll = ([{ words }, ...others]: Everyone): string[] => (others.length === 0 ? [] : [words.say('page.for_all')])

/** By what somebody says something on the page. */
const saidOf = ({ link, ref, words }: Opened) =>
  ({
    organizationId: link.organizationId,
    who: { recipient: ref },
    how: 'link',
    wording: `${wordingVersion} ${words.language}`,
  }) as const

/** Whoever has the link acts as the person whom it was sent to. */
const actorOf = ({ ref }: Opened): Actor => ({ kind: ref.type === 'PATIENT' ? 'patient' : 'client', id: ref.id })
