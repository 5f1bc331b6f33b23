import { linkPurposes, linkUrl, tokenMask } from '../schemas/link.ts'
import type { MailLayoutRules } from '../schemas/mail-layout.ts'
import { remember } from '../schemas/remember.ts'
import { isRightToLeft } from './direction.ts'
import { type Block, type Button, type Inline, type MessageDocument, textOfDocument } from './document.ts'
import type { MessageFacts } from './facts.ts'
import { englishFor } from './languages.ts'
import { builtInLayout, type MailBrand, type MailLayout } from './mail-layout.ts'
import { cleanName, givenText } from './text.ts'

/** A mail that somebody is about to get. */
type Letter = {
  readonly document: MessageDocument
  readonly subject: string
  /** Of its words (BCP 47). */
  readonly language: string
  readonly facts: MessageFacts
}

/** Puts what an organization has on each mail around its text: the same in plain text and in HTML. */
export type MailFrame = (letter: Letter) => { readonly text: string; readonly html: string }

/** Of the organization, for those of its mails that have a layout. */
type Framed = {
  readonly rules: MailLayoutRules
  readonly color: string | null
  readonly name: string | null
  readonly phone: string | null
}

/** The frames of organizations, each made once for what it is made of. */
export class MailFrames {
  readonly #frames: (key: string) => MailFrame

  /** `layout`: that of the host application; where it fails, `failed` hears of it, and the library's own takes its place. */
  constructor(layout: MailLayout | null, failed: (error: unknown) => void) {
    const own = layout === null ? builtInLayout : guarded(layout, failed)
    this.#frames = remember({ maxBytes: 4_000_000, bytesOf: () => 8000 }, (key: string) =>
      frameOf(JSON.parse(key), own),
    )
  }

  of(framed: Framed): MailFrame {
    return this.#frames(JSON.stringify(framed))
  }
}

/** In UTF-16 units: several times what the largest text is in the library's own layout. */
const mostHtml = 2_000_000

const guarded =
  (layout: MailLayout, failed: (error: unknown) => void): MailLayout =>
  (mail) => {
    try {
      const html = givenText(layout(mail), 'the layout')
      if (html.trim() === '' || html.length > mostHtml)
        throw new RangeError(`the layout returned ${html.length} characters, and a mail has 1 to ${mostHtml}`)
      return html
    } catch (error) {
      failed(error)
      return builtInLayout(mail)
    }
  }

/** Readable on white, and white on it. */
const usualColor = '#1f4e8c'

function brandOf({ rules, color, name, phone }: Framed): MailBrand {
  const organization = cleanName(name)
  const { logoUrl, logoAlt, footer = [] } = rules
  return {
    organization,
    logo: logoUrl === undefined ? null : { url: logoUrl, alt: logoAlt ?? organization ?? '' },
    color: color ?? usualColor,
    footer,
    phone: cleanName(phone),
  }
}

function frameOf(framed: Framed, layout: MailLayout): MailFrame {
  const brand = brandOf(framed)
  const { preferencesLink = true } = framed.rules
  const about = [...brand.footer, ...(brand.phone === null ? [] : [brand.phone])]
  return ({ document: given, subject, language, facts }) => {
    const document = withLinks(given, facts.linkBase ?? null)
    const preferences = preferencesLink ? preferencesOf(facts) : null
    const link = preferences === null ? [] : [`${preferences.label}: ${preferences.href}`]
    const below = [...about, ...link].join('\n')
    const text = textOfDocument(document)
    const isFromRight = isRightToLeft(language)
    return {
      text: below === '' || text === '' ? text : `${text}\n\n${below}`,
      html: layout({ language, isFromRight, subject, document, brand, preferences }),
    }
  }
}

/** Links of the library that a template has as text, as links. Others stay text: a name could be one. */
function withLinks(document: MessageDocument, base: string | null): MessageDocument {
  if (base === null || !document.blocks.some(hasMask)) return document
  const pattern = masked(base)
  const linked = (words: readonly Inline[]): Inline[] =>
    words.flatMap((one) =>
      one.href !== undefined || !one.text.includes(tokenMask)
        ? one
        : one.text
            .split(pattern)
            .map((text, index) => (index % 2 === 0 ? { ...one, text } : { ...one, text, href: text })),
    )
  const blocks = document.blocks.map((block) => ('words' in block ? { ...block, words: linked(block.words) } : block))
  return { ...document, blocks }
}

const hasMask = (block: Block): boolean => 'words' in block && block.words.some(({ text }) => text.includes(tokenMask))

const masked = remember({ maxBytes: 100_000, bytesOf: () => 2000 }, (base: string) => {
  const urls = linkPurposes.map((purpose) => linkUrl(base, purpose, tokenMask))
  return new RegExp(`(${urls.map((url) => url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`)
})

/** The page of preferences, with a mask in place of the token. Practitioners have none. */
function preferencesOf({ linkBase = null, isForPractitioner, wording, locale }: MessageFacts): Button | null {
  if (linkBase === null || isForPractitioner === true) return null
  const { texts } = (wording ?? englishFor(locale)).language
  return { label: texts['page.title']({}), href: linkUrl(linkBase, 'preferences', tokenMask) }
}
