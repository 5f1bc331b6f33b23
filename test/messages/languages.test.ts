import { type MessageFormatElement, parse, TYPE } from '@formatjs/icu-messageformat-parser'
import { describe, expect, test } from 'vitest'
import { smsSegments } from '../../src/channels/sms-segments.ts'
import type { MessageFacts } from '../../src/messages/index.ts'
import { Languages } from '../../src/messages/languages.ts'
import { type LanguageFile, loaders, readLanguages, source } from '../../src/messages/locales.ts'
import { partKeys, type TextKey, textKeys } from '../../src/messages/texts.ts'
import { appointmentChanges, categories, detailLevels } from '../../src/schemas/vocabulary.ts'
import { facts, renderMessage } from './support.ts'

const files: LanguageFile[] = [
  source,
  ...(await Promise.all([...loaders.values()].map(async (load) => (await load()).default))),
]
const byTag = files.map((file) => [file.language, file] as const)
const tags = files.map(({ language }) => language)

const languages = new Languages()
await languages.load(tags.map((tag) => ({ recipient: tag, organization: tag, enabled: [] })))
const wordingOf = (tag: string) => languages.wording({ recipient: tag, organization: tag, enabled: [] })

/** An appointment with long but usual values, seen by a patient on the day before, or three days before. */
const sample = (tag: string, changed: Partial<MessageFacts> = {}): MessageFacts =>
  facts({
    start: { instant: new Date('2024-09-25T14:30:00Z'), timeZone: 'America/New_York' },
    now: new Date('2024-09-22T14:30:00Z'),
    organizationName: 'Northside Medical Clinic',
    practitionerName: 'Dr. Alexandra Smith',
    location: null,
    recipientName: 'Jane Doe',
    patientName: 'Jane Doe',
    locale: tag,
    wording: wordingOf(tag),
    ...changed,
  })

const texts = (tag: string, changed: Partial<MessageFacts> = {}) => ({
  email: renderMessage({ channel: 'EMAIL', facts: sample(tag, changed), templates: {} }),
  sms: renderMessage({ channel: 'SMS', facts: sample(tag, changed), templates: {} }),
})

describe('the files', () => {
  test('are of twenty languages', () => {
    expect(tags.toSorted()).toEqual('ar bn de en es fa fr hi it ko nl pl pt ro ru tr uk vi zh-Hans zh-Hant'.split(' '))
    expect([...loaders.keys(), 'en'].toSorted()).toEqual(tags.toSorted())
  })

  test.each(byTag)('%s has every text and no other', (_, { texts }) => {
    expect(Object.keys(texts)).toEqual(textKeys.toSorted((one, other) => order(one) - order(other)))
  })

  test('say who has read them', () => {
    for (const { language, readBy, note } of files) {
      expect([language, readBy !== null]).toEqual([language, readLanguages.includes(language)])
      if (readBy === null) expect(note).toBe('machine-written, not yet read by a native speaker')
    }
  })

  test.each(byTag)('%s names the variables that English names', (_, file) => {
    for (const key of textKeys.filter((one) => !partKeys.some((part) => part === one))) {
      expect([key, namesIn(file, key)]).toEqual([key, namesIn(source, key)])
    }
  })

  test.each(byTag)('%s has the plural categories of its language', (tag, { texts }) => {
    const { pluralCategories } = new Intl.PluralRules(tag).resolvedOptions()
    const found = textKeys.flatMap((key) => pluralsIn(parse(texts[key] ?? '', { ignoreTag: true })))
    expect(found.length).toBeGreaterThan(0)
    for (const plural of found) expect(plural.toSorted()).toEqual(pluralCategories.toSorted())
  })

  test.each(byTag)('%s is written in its own letters', (tag, { texts }) => {
    const own = scripts[tag] ?? 'Latin'
    const strange = new RegExp(`[^\\P{L}\\p{Script=${own.split(' ').join('}\\p{Script=')}}]`, 'u')
    for (const key of textKeys) {
      const words = literalsIn(parse(texts[key] ?? '', { ignoreTag: true }))
        .join(' ')
        .replace(/\b(?:STOP|START)/g, '')
      expect([key, strange.exec(words)?.[0]]).toEqual([key, undefined])
      const isSame = tag !== 'en' && /\p{L}+ \p{L}+/u.test(words) && texts[key] === source.texts[key]
      expect([key, isSame]).toEqual([key, false])
    }
  })
})

const order = (key: TextKey) => Object.keys(source.texts).indexOf(key)

/** Of languages that are not written in Latin letters. */
const scripts: Readonly<Record<string, string>> = {
  ar: 'Arabic',
  fa: 'Arabic',
  ru: 'Cyrillic',
  uk: 'Cyrillic',
  hi: 'Devanagari',
  bn: 'Bengali',
  ko: 'Hangul',
  'zh-Hans': 'Han',
  'zh-Hant': 'Han',
}

/** What may be left out: it serves grammar alone. */
const grammar: ReadonlySet<string> = new Set(['near', 'hour', 'mode', 'reader'])

function namesIn({ texts }: LanguageFile, key: TextKey): string[] {
  const names = new Set<string>()
  const visit = (elements: readonly MessageFormatElement[]): void => {
    for (const element of elements) {
      if (element.type === TYPE.literal || element.type === TYPE.pound || element.type === TYPE.tag) continue
      const part = partKeys.find((one) => one === element.value)
      if (part === undefined) names.add(element.value)
      else visit(parse(texts[part] ?? '', { ignoreTag: true }))
      if (element.type === TYPE.select || element.type === TYPE.plural) {
        for (const { value } of Object.values(element.options)) visit(value)
      }
    }
  }
  visit(parse(texts[key] ?? '', { ignoreTag: true }))
  return [...names].filter((name) => !grammar.has(name)).sort()
}

const inside = (element: MessageFormatElement): MessageFormatElement[] =>
  element.type === TYPE.select || element.type === TYPE.plural
    ? Object.values(element.options).flatMap(({ value }) => value)
    : []

const pluralsIn = (elements: readonly MessageFormatElement[]): string[][] =>
  elements.flatMap((element) => [
    ...(element.type === TYPE.plural ? [Object.keys(element.options)] : []),
    ...pluralsIn(inside(element)),
  ])

const literalsIn = (elements: readonly MessageFormatElement[]): string[] =>
  elements.flatMap((element) => [
    ...(element.type === TYPE.literal ? [element.value] : []),
    ...literalsIn(inside(element)),
  ])

/** The languages whose letters, with care, are all in GSM-7. */
const cheap = ['en', 'de', 'es', 'fr', 'it', 'nl', 'pl', 'pt', 'ro']

describe('the messages', () => {
  test.each(tags)('%s: an SMS has one segment where the script allows, else two', (tag) => {
    for (const category of categories) {
      for (const now of ['2024-09-22T14:30:00Z', '2024-09-24T14:30:00Z']) {
        const { text } = texts(tag, { category, now: new Date(now) }).sms
        expect(text).toContain('Northside Medical Clinic')
        expect(text).toContain('Dr. Alexandra Smith')
        const { segments, encoding } = smsSegments(text)
        expect([text, segments <= (cheap.includes(tag) ? 1 : 2)]).toEqual([text, true])
        if (cheap.includes(tag)) expect(encoding).toBe('GSM-7')
      }
    }
  })

  test('have these figures: segments and units of the SMS, bytes and direction of the mail', async () => {
    const lines = tags.toSorted().flatMap((tag) =>
      categories.flatMap((category) =>
        detailLevels.map((detail) => {
          const { email, sms } = texts(tag, { category, detail, location: '1234 Washington Boulevard, Suite 400' })
          const { segments, units, encoding } = smsSegments(sms.text)
          const direction = /<html lang="[^"]+" dir="rtl">/.test(email.html ?? '') ? 'rtl' : 'ltr'
          for (const part of [sms.text, email.text, email.subject]) {
            expect(part).not.toMatch(/\b(?:undefined|null)\b|[{}]| [,.。،]|\n\n\n| {2}|\.\./)
          }
          if (detail < 2) expect(`${sms.text}${email.text}`).not.toMatch(/Smith|Washington/)
          if (detail < 1) expect(`${sms.text}${email.text}`).not.toMatch(/2024|10:30|Jane/)
          const bytes = Buffer.byteLength(`${email.subject}${email.text}`)
          return [tag, category, detail, segments, units, encoding, bytes, direction].join(' ')
        }),
      ),
    )
    expect(lines).toHaveLength(20 * 5 * 3)
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('languages.figures.txt')
  })

  test('sound like this', async () => {
    const sentences = tags
      .toSorted()
      .flatMap((tag) => [
        `# ${tag}`,
        ...categories.map((category) => texts(tag, { category }).sms.text),
        texts(tag, { category: 'RESCHEDULE', changed: appointmentChanges }).sms.text,
        texts(tag, { patientName: 'Mia Doe', now: new Date('2024-09-24T14:30:00Z') }).sms.text,
        `${texts(tag).email.subject}\n${texts(tag).email.text}`,
        '',
      ])
    await expect(sentences.join('\n')).toMatchFileSnapshot('languages.sentences.txt')
  })
})
