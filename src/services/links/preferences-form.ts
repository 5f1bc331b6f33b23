import { type Channel, channelOf } from '../../channels/index.ts'
import { contactOf } from '../../domain/effective.ts'
import { effectiveFor } from '../../domain/plan.ts'
import { maskAddress } from '../../schemas/address.ts'
import { channelSettings, channelsInUse } from '../../schemas/channel-settings.ts'
import { type Offset, parseOffset } from '../../schemas/offset.ts'
import type { Rule } from '../../schemas/rules.ts'
import { type Category, categories } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import { type Everyone, type Opened, put } from './opened.ts'
import type { Box, ChannelPart, PreferencesForm } from './page.ts'

/** What a person may have switched off, and can switch on again here. */
const own: ReadonlySet<Rule> = new Set<Rule>([
  'channel_disabled_by_recipient',
  'category_disabled_by_recipient',
  'no_consent',
  'suppressed',
  'consent_in_doubt',
])

/** Of these, what is said of the whole channel. */
const ofChannel: ReadonlySet<Rule> = new Set([...own].filter((rule) => rule !== 'category_disabled_by_recipient'))

export const boxName = (channel: Channel, category: Category): string => `${channel}.${category}`
export const offsetsName = (channel: Channel): string => `${channel}.offsets`
export const contactName = (channel: Channel): string => `${channel}.address`

/** What the person gets on a channel: the categories that the organization sends there. */
export type ChannelChoices = {
  readonly channel: Channel
  readonly address: string | null
  readonly wanted: ReadonlyMap<Category, boolean>
  /** The person, or whoever has the address, does not want the channel as a whole. */
  readonly isOff: boolean
  /** Canonical, the furthest first. */
  readonly offsets: readonly Offset[]
}

export function choicesOf({ link, person, knowledge }: Opened): readonly ChannelChoices[] {
  const surroundings = knowledge.surroundings(link.organizationId)
  const { policy, preferencesOf } = surroundings
  return channelsInUse(policy).flatMap((channel) => {
    const settings = channelSettings(policy, channel)
    if (!settings.enabled) return []
    const sent = categories.filter((category) => settings.categories.includes(category))
    const decisions = sent.map((category) => effectiveFor(surroundings, person, category, channel))
    const { address } = contactOf(channel, preferencesOf(person), person, policy.defaultCountry)
    const wanted = new Map(
      sent.map((category, index) => [category, !decisions[index]?.reasons.some((rule) => own.has(rule))]),
    )
    const offsets = (decisions[0]?.offsets ?? settings.reminders).map(parseOffset)
    const isOff = decisions.some(({ reasons }) => reasons.some((rule) => ofChannel.has(rule)))
    return [{ channel, address, wanted, isOff, offsets: offsets.toSorted(furthestFirst) }]
  })
}

const minutesOf = (offset: Offset): number => (offset.kind === 'exact' ? offset.minutes : offset.days * 1440)
const furthestFirst = (one: Offset, other: Offset): number => minutesOf(other) - minutesOf(one)

/** Offered beside those that are in force. */
const usual = ['1w', '1d', '2h'].map(parseOffset)

/** Those that can be chosen, the furthest first; `24h` is nobody's choice beside `1d`. */
function offered({ offsets }: ChannelChoices, ofOrganization: readonly Offset[]): readonly Offset[] {
  const all = [...offsets, ...ofOrganization]
  const isNew = (one: Offset) => all.every((other) => minutesOf(one) !== minutesOf(other))
  const unique = new Map([...all, ...usual.filter(isNew)].map((offset) => [offset.text, offset]))
  return [...unique.values()].toSorted(furthestFirst)
}

/** `2 hours`, `1 day, 18:00`, in the language of the page. */
function offsetInWords(offset: Offset, locale: string): string {
  const [amount, unit] =
    offset.kind !== 'exact'
      ? ([offset.days, 'day'] as const)
      : offset.minutes % 60 === 0
        ? ([offset.minutes / 60, 'hour'] as const)
        : ([offset.minutes, 'minute'] as const)
  const text = new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(amount)
  const at = offset.kind === 'exact' ? null : offset.at
  if (at === null) return text
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'short', timeZone: 'UTC' }).format(
    new Date(`2024-01-01T${at}:00Z`),
  )
  return `${text}, ${time}`
}

const labelOf = {
  CONFIRMATION: 'page.confirmation',
  REMINDER: 'page.reminder',
  CANCELLATION: 'page.cancellation',
  RESCHEDULE: 'page.reschedule',
  WAITLIST: 'page.waitlist',
} as const satisfies Record<Category, string>

export const kindInWords = ({ words }: Opened, category: Category): string => words.say(labelOf[category])

/** What a channel is called on a page; the name of a product is the same in every language. */
export function channelInWords({ words }: Opened, channel: Channel): string {
  const { page, words: own } = channelOf(channel)
  return page === undefined ? own.name : words.say(page.name)
}

/** Of several people what any of them gets: what is not checked, nobody of them gets. An address is shown that all of them have. */
function choicesOfAll([first, ...others]: Everyone): readonly ChannelChoices[] {
  return others.map(choicesOf).reduce(
    (sofar, theirs) =>
      sofar.map((one) => {
        const other = theirs.find(({ channel }) => channel === one.channel)
        if (other === undefined) return one
        const wanted = new Map([...one.wanted].map(([kind, isOn]) => [kind, isOn || other.wanted.get(kind) === true]))
        const offsets = new Map([...one.offsets, ...other.offsets].map((offset) => [offset.text, offset]))
        return {
          ...one,
          wanted,
          offsets: [...offsets.values()].toSorted(furthestFirst),
          address: one.address === other.address ? one.address : null,
        }
      }),
    choicesOf(first),
  )
}

export function formOf(context: Context, all: Everyone): PreferencesForm {
  const [opened] = all
  const { words } = opened
  const choices = choicesOfAll(all)
  const parts = choices.map((one) => partOf(opened, one, all.length === 1))
  const tags = context.languages.usable(languagesAsked(opened))
  const name = (tag: string) => new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag
  return {
    kind: 'preferences',
    channels: parts,
    language:
      tags.length < 2
        ? null
        : {
            label: words.say('page.language'),
            options: tags.map((tag) => ({ tag, name: name(tag), isSelected: tag === words.language })),
          },
    shown: shownOf(choices, words.language),
    save: words.say('page.save'),
    stopAll: words.say('page.stop_all'),
  }
}

export function languagesAsked({ link, knowledge }: Opened) {
  const { organizationId } = link
  const { textLanguages } = knowledge.surroundings(organizationId).policy
  return { organization: knowledge.organization(organizationId)?.locale, enabled: textLanguages }
}

function partOf(opened: Opened, choices: ChannelChoices, isOne: boolean): ChannelPart {
  const { link, knowledge, words } = opened
  const { channel, address, wanted, offsets } = choices
  const { reminders } = channelSettings(knowledge.surroundings(link.organizationId).policy, channel)
  const box = ([category, isChecked]: [Category, boolean]): Box => ({
    name: boxName(channel, category),
    value: 'on',
    label: kindInWords(opened, category),
    isChecked,
  })
  const offsetBox = (offset: Offset): Box => ({
    name: offsetsName(channel),
    value: offset.text,
    label: put(opened, offsetInWords(offset, words.locale)),
    isChecked: offsets.some(({ text }) => text === offset.text),
  })
  const { page } = channelOf(channel)
  return {
    channel,
    name: channelInWords(opened, channel),
    address: address === null ? null : maskAddress(address),
    boxes: [...wanted].map(box),
    offsets: wanted.has('REMINDER')
      ? { legend: words.say('page.offsets'), boxes: offered(choices, reminders.map(parseOffset)).map(offsetBox) }
      : null,
    contact:
      page === undefined || !isOne
        ? null
        : {
            name: contactName(channel),
            label: words.say(page.otherAddress),
            hint: words.say('page.proof_hint'),
            isPhone: page.input === 'tel',
          },
  }
}

/** `EMAIL.REMINDER=1 EMAIL.offsets=24h,2h language=de`. */
const shownOf = (choices: readonly ChannelChoices[], language: string): string =>
  [
    ...choices.flatMap(({ channel, wanted, offsets }) => [
      ...[...wanted].map(([category, isWanted]) => `${boxName(channel, category)}=${isWanted ? 1 : 0}`),
      `${offsetsName(channel)}=${offsets.map(({ text }) => text).join()}`,
    ]),
    `language=${language}`,
  ].join(' ')

export const readShown = (shown: string): ReadonlyMap<string, string> =>
  new Map(
    shown
      .slice(0, 4000)
      .split(' ')
      .map((entry) => {
        const at = entry.indexOf('=')
        return [entry.slice(0, at), entry.slice(at + 1)]
      }),
  )
