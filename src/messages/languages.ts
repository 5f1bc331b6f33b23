import { onFirstUse } from '../schemas/on-first-use.ts'
import { remember } from '../schemas/remember.ts'
import { isRightToLeft } from './direction.ts'
import { type LanguageFile, loaders, readLanguages, source } from './locales.ts'
import { compileTexts, LanguageFault, type TextKey, type Texts, textKeys, wordList } from './texts.ts'

/** A language that built-in texts are written in. */
export type Language = {
  readonly tag: string
  readonly isFromRight: boolean
  readonly texts: Texts
}

const englishTexts = onFirstUse(() => compileTexts(source.language, source.texts))

export const english: Language = {
  tag: source.language,
  isFromRight: false,
  get texts() {
    return englishTexts()
  },
}

/** The language of a message, and the tag by which its dates are written: English for `en-GB`, with dates as in Britain. */
export type Wording = { readonly language: Language; readonly locale: string }

/** Where nobody says a language. */
const usual = 'en-US'

/** English for this locale: one of another language gets the dates of the United States with it. */
export const englishFor = remember(
  { maxBytes: 40_000, bytesOf: () => 200 },
  (locale: string): Wording => ({ language: english, locale: languageOf(locale) === 'en' ? locale : usual }),
)

/** What `choose` chooses from. Undefined and null: not said. */
export type Asked = {
  readonly recipient: string | null | undefined
  readonly organization: string | null | undefined
  /** The languages that the organization switched on. */
  readonly enabled: readonly string[]
}

/** The tag of a language with texts, and of its dates. */
type Choice = { readonly tag: string; readonly locale: string }

/** Words by which people confirm and ask for a change, and what they write around them; each as the language has it. */
export type AnswerLists = {
  readonly confirm: readonly string[]
  readonly change: readonly string[]
  readonly courtesy: readonly string[]
}

/** The languages that the library has, and those that the host brings or corrects. */
export class Languages {
  readonly #files: ReadonlyMap<string, LanguageFile>
  readonly #loaded = new Map<string, Language>([[english.tag, english]])
  readonly #known: ReadonlySet<string>
  readonly #isRead: ReadonlySet<string>
  readonly #choices = remember({ maxBytes: 400_000, bytesOf: () => 400 }, (key: string) => this.#choose(key.split(' ')))

  /** @throws LanguageFault for a text that cannot be used, and for a new language that lacks some. */
  constructor(files: readonly LanguageFile[] = []) {
    this.#files = new Map(files.map((file) => [file.language, file]))
    const again = files.find((file) => this.#files.get(file.language) !== file)
    if (again !== undefined) throw new LanguageFault(`"${again.language}" is there a second time.`)
    this.#known = new Set([source.language, ...loaders.keys(), ...this.#files.keys()])
    const own = files.filter(({ readBy }) => readBy !== null).map(({ language }) => language)
    this.#isRead = new Set([...readLanguages, ...own])
    for (const file of files) {
      const isNew = file.language !== source.language && !loaders.has(file.language)
      // Read now, so that a fault shows at the start and not when the first message goes out.
      const language = this.#compile(file.language, isNew ? null : source.texts)
      if (isNew || file.language === source.language) this.#loaded.set(file.language, language)
    }
  }

  /** Whether a native speaker has read its texts. */
  isRead(tag: string): boolean {
    return this.#isRead.has(tag)
  }

  /** The tags of all languages. */
  get known(): readonly string[] {
    return [...this.#known].sort()
  }

  /** The tags of those that the organization uses: what somebody can choose from. */
  usable({ organization, enabled }: Pick<Asked, 'organization' | 'enabled'>): readonly string[] {
    const switchedOn = [organization ?? '', ...enabled].flatMap((tag) => this.lookUp(tag) ?? [])
    return this.known.filter((tag) => this.#isRead.has(tag) || switchedOn.includes(tag))
  }

  /** The tag of the language with texts that somebody who asks for `locale` gets if all are switched on; null: there is none. */
  lookUp(locale: string): string | null {
    return candidates(locale).find((tag) => this.#known.has(tag)) ?? null
  }

  /** What people reply in each language; one that cannot be loaded is left out. */
  async answerWords(): Promise<readonly AnswerLists[]> {
    await Promise.all([...this.#known].filter((tag) => !this.#loaded.has(tag)).map((tag) => this.#load(tag)))
    return [...this.#loaded.values()].map(({ texts }) => ({
      confirm: wordList(texts['answer.confirm']({})),
      change: wordList(texts['answer.change']({})),
      courtesy: wordList(texts['answer.courtesy']({})),
    }))
  }

  /**
   * Loads what is needed to write to them. What cannot be loaded is written in English: a reminder in English is better than none.
   * @returns those that could not be loaded.
   */
  async load(asked: Iterable<Asked>): Promise<readonly string[]> {
    const missing = new Set<string>()
    for (const one of asked) {
      const { tag } = this.#chosen(one)
      if (!this.#loaded.has(tag)) missing.add(tag)
    }
    if (missing.size === 0) return []
    const failed = await Promise.all([...missing].map((tag) => this.#load(tag)))
    return failed.flatMap((tag) => tag ?? [])
  }

  /** The wording of a message: in the language of the recipient, else of the organization, else English. */
  wording(asked: Asked): Wording {
    const { tag, locale } = this.#chosen(asked)
    const language = this.#loaded.get(tag)
    return language === undefined ? englishFor(locale) : { language, locale }
  }

  /** The first of these languages that there is, whoever has read it, else English: for somebody of whom no more is known. */
  async firstOf(locales: readonly string[]): Promise<Language> {
    for (const locale of locales) {
      const tag = this.lookUp(locale)
      if (tag === null) continue
      if (!this.#loaded.has(tag)) await this.#load(tag)
      const language = this.#loaded.get(tag)
      if (language !== undefined) return language
    }
    return english
  }

  #chosen({ recipient, organization, enabled }: Asked): Choice {
    // No tag holds a space.
    return this.#choices(`${recipient ?? ''} ${organization ?? ''} ${enabled.join(' ')}`)
  }

  /** By the lookup of RFC 4647, among what has been read by somebody who speaks it or is switched on. */
  #choose([recipient = '', organization = '', ...enabled]: readonly string[]): Choice {
    const switchedOn = [organization, ...enabled].flatMap((tag) => this.lookUp(tag) ?? [])
    const isUsed = (tag: string) => this.#known.has(tag) && (this.#isRead.has(tag) || switchedOn.includes(tag))
    for (const locale of [recipient, organization]) {
      const tag = candidates(locale).find(isUsed)
      if (tag !== undefined) return { tag, locale }
    }
    return { tag: english.tag, locale: usual }
  }

  /** Returns the tag if it fails. */
  async #load(tag: string): Promise<string | null> {
    try {
      const file = await loaders.get(tag)?.()
      this.#loaded.set(tag, this.#compile(tag, file?.default.texts ?? null))
      return null
    } catch {
      return tag
    }
  }

  #compile(tag: string, texts: Partial<Record<TextKey, string>> | null): Language {
    const all = { ...texts, ...this.#files.get(tag)?.texts }
    const lacking = textKeys.filter((key) => all[key] === undefined)
    if (!isWhole(all)) throw new LanguageFault(`"${tag}" lacks the texts ${lacking.join(', ')}.`)
    return { tag, isFromRight: isRightToLeft(tag), texts: compileTexts(tag, all) }
  }
}

const isWhole = (texts: Partial<Record<TextKey, string>>): texts is Record<TextKey, string> =>
  textKeys.every((key) => texts[key] !== undefined)

const languageOf = (locale: string): string | null => localeOf(locale)?.language ?? null

function localeOf(tag: string): Intl.Locale | null {
  try {
    return new Intl.Locale(tag).maximize()
  } catch {
    return null
  }
}

/** Who reads one of these reads the others: Norwegian goes by three codes. */
const related: Readonly<Record<string, readonly string[]>> = { nb: ['no'], no: ['nb'], nn: ['no', 'nb'] }

/**
 * The tags that serve a reader of `tag`, most exact first: for `zh-TW` `zh-Hant-TW`, `zh-TW` and `zh-Hant`. The language alone only where it is
 * written in the same script: traditional Chinese is no reading for who reads the simplified.
 */
function candidates(tag: string): readonly string[] {
  const locale = localeOf(tag)
  if (locale === null) return []
  const { language: own, script, region } = locale
  return [own, ...(related[own] ?? [])].flatMap((language) => {
    const isUsualScript = localeOf(language)?.script === script
    return [
      `${language}-${script}-${region}`,
      ...(isUsualScript || language === 'zh' ? [`${language}-${region}`] : []),
      `${language}-${script}`,
      ...(isUsualScript ? [language] : []),
    ]
  })
}
