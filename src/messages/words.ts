import type { Category, Change } from '../schemas/vocabulary.ts'
import { datesIn, wallClock, zoneName } from './calendar.ts'
import { isolated, withoutMarks } from './direction.ts'
import { atLevel, type MessageFacts } from './facts.ts'
import { englishFor, type Wording } from './languages.ts'
import { cleanValue } from './text.ts'
import { type Text, type TextKey, type Texts, type TextValues, wordList } from './texts.ts'

/** The texts of a notice: those of its category, or of a reschedule that is about more than the time. */
type Notice = { readonly subject: Text; readonly lead: Text; readonly closing: Text; readonly sms: Text }

const noticesOf = new WeakMap<Texts, Readonly<Record<Category | 'CHANGE', Notice>>>()

function noticesIn(texts: Texts): Readonly<Record<Category | 'CHANGE', Notice>> {
  let notices = noticesOf.get(texts)
  if (notices === undefined) {
    const of = (name: 'confirmation' | 'reminder' | 'cancellation' | 'reschedule' | 'waitlist' | 'change'): Notice => ({
      subject: texts[`${name}.subject`],
      lead: texts[`${name}.lead`],
      closing: texts[`${name}.closing`],
      sms: texts[`${name}.sms`],
    })
    notices = {
      CONFIRMATION: of('confirmation'),
      REMINDER: of('reminder'),
      CANCELLATION: of('cancellation'),
      RESCHEDULE: of('reschedule'),
      WAITLIST: of('waitlist'),
      CHANGE: of('change'),
    }
    noticesOf.set(texts, notices)
  }
  return notices
}

/** How a day is written: 'tomorrow' or else with the weekday; only with the weekday; 'January 15, 2024'; '1/15/2024'. */
export type DayForm = 'natural' | 'full' | 'long' | 'short'

/** A built-in text: its words, and the facts as its language can use them; '' for what is not known. */
export type Words = {
  /** Of the texts (BCP 47), and from which side it is read. */
  readonly language: string
  readonly isFromRight: boolean
  /** By which dates and numbers are written. */
  readonly locale: string
  readonly notice: Notice
  readonly values: TextValues
  /** The day in another form; '' where there is none. */
  day(form: DayForm): string
  /** Where it takes place: a line with the location, or a sentence about a visit by phone or video; '' where that is not to be said. */
  readonly place: string
  /** The place is what the message is about, or people would go to the wrong one. */
  readonly isPlaceNeeded: boolean
  /** A reminder that names other appointments too. */
  readonly isSeveral: boolean
  say(key: TextKey, values?: TextValues): string
}

/** A value that stands in a text from left to right as it is. */
const isPlain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/

/** Of what the level of the message allows. */
export function wordsOf(allFacts: MessageFacts): Words {
  const facts = atLevel(allFacts)
  const { start, now } = facts
  const { language, locale } = wordingOf(facts)
  const { texts, isFromRight } = language
  const put = (value: string | null) =>
    value === null || (!isFromRight && isPlain.test(value))
      ? (value ?? '')
      : isolated(cleanValue(value).trim(), isFromRight)
  const dates = datesIn(locale)
  const wall = start === null ? null : wallClock(start.instant, start.timeZone)
  const near =
    start === null || wall === null || facts.category !== 'REMINDER' || start.isReadOnOtherDay === true
      ? null
      : dates.nearDay(wall, wallClock(now, start.timeZone))

  function day(form: DayForm): string {
    if (wall === null) return ''
    // As a word within a sentence: 'Ngày mai' is written small there.
    if (form === 'natural' && near !== null) return near.charAt(0).toLowerCase() + near.slice(1)
    const written = form === 'long' ? dates.date : form === 'short' ? dates.shortDate : dates.fullDate
    return isolated(written(wall), isFromRight)
  }

  const clock = wall === null ? '' : dates.time(wall)
  const zone = start?.namesZone === true ? zoneName(locale, start.instant, start.timeZone) : ''
  const isRemote = facts.visitMode === 'phone' || facts.visitMode === 'video'
  const recipient = put(facts.recipientName)
  const practitioner = put(facts.practitionerName)
  const patient = put(facts.patientName)
  const values: TextValues = {
    recipient,
    organization: put(facts.organizationName),
    // Practitioners get messages too; none has an appointment with themselves.
    practitioner: practitioner === recipient ? '' : practitioner,
    location: isRemote ? '' : put(facts.location),
    // Programs that find links in plain text take a mark of direction for part of one.
    link: withoutMarks(cleanValue(facts.videoLink ?? null)),
    // Patients read "your appointment".
    patient: patient === recipient ? '' : patient,
    day: day('natural'),
    near: near === null ? 'no' : 'yes',
    // Each by itself: ICU puts marks of direction into some zones.
    time: clock === '' ? '' : texts.time({ clock: isolated(clock, isFromRight), zone: isolated(zone, isFromRight) }),
    hour: Number.parseInt(clock, 10),
    mode: facts.visitMode ?? 'in_person',
    reader: facts.isForPractitioner === true ? 'practitioner' : '',
    news: newsOf(facts, texts),
  }
  // Nobody is called about an appointment that is cancelled.
  const visit =
    !isRemote || facts.category === 'CANCELLATION' ? '' : texts[facts.visitMode === 'phone' ? 'phone' : 'video'](values)
  return {
    language: language.tag,
    isFromRight,
    locale,
    place: visit !== '' || values.location === '' ? visit : texts.location_line(values),
    isPlaceNeeded: visit !== '' || facts.changed?.includes('place') === true,
    isSeveral: facts.category === 'REMINDER' && (facts.also ?? []).length > 0,
    notice: noticeOf(facts),
    values,
    day,
    say: (key, own) => texts[key](own === undefined ? values : { ...values, ...own }),
  }
}

const wordingOf = (facts: MessageFacts): Wording => facts.wording ?? englishFor(facts.locale)

function noticeOf(facts: MessageFacts): Notice {
  const { texts } = wordingOf(facts).language
  const notice = noticesIn(texts)[isOtherChange(facts) ? 'CHANGE' : facts.category]
  if (facts.category !== 'CONFIRMATION' || facts.isReinstated !== true) return notice
  const again =
    (text: Text): Text =>
    (values) =>
      `${text(values)} ${texts['confirmation.again'](values)}`
  return { ...notice, lead: again(notice.lead), sms: again(notice.sms) }
}

/** 'Appointment Reminder - January 15, 2024'. */
export function shortSubject(allFacts: MessageFacts): string {
  const facts = atLevel(allFacts)
  const { start } = facts
  const { language, locale } = wordingOf(facts)
  const subject = noticeOf(facts).subject({})
  if (start === null) return subject
  const date = datesIn(locale).date(wallClock(start.instant, start.timeZone))
  return `${subject} - ${isolated(date, language.isFromRight)}`
}

/** The name of the organization, as a message is signed. */
export const organizationOf = ({ organizationName }: MessageFacts): string => cleanValue(organizationName).trim()

const isBlank = (value: string | null): boolean => cleanValue(value).trim() === ''

/** What a reschedule notice says is new. Undefined: it is the time. */
function changesOf({ category, changed, location, practitionerName }: MessageFacts): readonly Change[] | undefined {
  if (category !== 'RESCHEDULE') return undefined
  // "A new place" without a place sends people looking: the host's row has none, or one that cannot be read.
  const isUnsaid = { time: false, place: isBlank(location), practitioner: isBlank(practitionerName) }
  return changed?.filter((change) => !isUnsaid[change])
}

/** A reschedule that is about more than the time says what is new, and leaves it to the details what it is. */
function isOtherChange(facts: MessageFacts): boolean {
  const changed = changesOf(facts)
  return changed !== undefined && !(changed.length === 1 && changed[0] === 'time')
}

/** 'a new time, a new place and a new practitioner'; '' where nothing that can be said is new. */
function newsOf(facts: MessageFacts, texts: Texts): string {
  const changes = changesOf(facts)
  if (changes === undefined) return ''
  const news = changes.map((change) => texts[`news.${change}`]({}))
  const [last = '', ...others] = news.toReversed()
  const first = others
    .toReversed()
    .reduce((before, one) => (before === '' ? one : texts['list.comma']({ first: before, last: one })), '')
  return first === '' ? last : texts['list.and']({ first, last })
}

/**
 * Each appointment of a reminder as a line, by their starts: '4K: 2:00 PM, Dr. Smith, Main Street 4'. One where there are no others; none
 * where nothing may be said of them.
 */
export function appointmentLines(facts: MessageFacts, { withPlaces }: { readonly withPlaces: boolean }): string[] {
  const { start, also = [] } = atLevel(facts)
  if (start === null) return []
  const own = { ...facts, start, code: facts.ask?.code ?? null }
  const all = [own, ...also].toSorted((one, other) => one.start.instant.getTime() - other.start.instant.getTime())
  return all.map(({ code, ...one }) => {
    const { values, place, isPlaceNeeded, say, isFromRight } = wordsOf({ ...facts, ...one, also: [] })
    const { time, patient, practitioner, location } = values
    const said = [time, patient, practitioner, withPlaces ? location : ''].map(String).filter((part) => part !== '')
    const line = said.reduce((first, last) => say('list.comma', { first, last }))
    const visit = isPlaceNeeded ? `. ${place}` : ''
    const named =
      facts.ask === undefined || code === null || also.length === 0 ? '' : `${isolated(code, isFromRight)}: `
    return `${named}${line}${visit}`
  })
}

/** Of a reminder that names several appointments: what stands before their list; '' where it names one. */
export function headingOf({ isSeveral, values, day, say }: Words, form: DayForm = 'natural'): string {
  if (!isSeveral) return ''
  return say('reminder.several', form === 'natural' ? values : { ...values, day: day(form), near: 'no' })
}

/** What to reply: 'Reply C to confirm or R to ask for another time.'; '' where the message asks for nothing. */
export function answerHint(facts: MessageFacts): string {
  const { ask } = facts
  if (ask === undefined) return ''
  const { tag, texts, isFromRight } = wordingOf(facts).language
  const codes = [ask.code, ...(facts.also ?? []).map(({ code }) => code)].filter((code) => code !== null)
  const reply = (key: 'answer.confirm' | 'answer.change') => {
    const [word = ''] = wordList(texts[key]({}))
    // As one piece, which is not turned around where the text goes from right to left.
    const pieces = codes.map((code) => isolated(`${word} ${code}`, isFromRight))
    const [only = isolated(word, isFromRight)] = pieces
    return pieces.length < 2 ? only : new Intl.ListFormat(tag, { type: 'disjunction' }).format(pieces)
  }
  return texts['answer.hint']({ confirm: reply('answer.confirm'), change: reply('answer.change') })
}

/** A message in one sentence, after the organization's name. */
export function sentenceOf({ notice, values, day, say }: Words, form: DayForm = 'natural'): string {
  const own = form === 'natural' ? values : { ...values, day: day(form), near: 'no' }
  return say('sms', { sentence: notice.sms(own) })
}

/** The same, of facts. */
export const shortText = (facts: MessageFacts): string => sentenceOf(wordsOf(facts))
