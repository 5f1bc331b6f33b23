import type { DetailLevel } from '../schemas/vocabulary.ts'
import type { MessageDocument } from './document.ts'
import type { MessageFacts } from './facts.ts'

/** How large a text may get, and how that is counted. */
export type SizeLimit = { readonly most: number; readonly unit: string; readonly sizeOf: (text: string) => number }

/** What a text costs that is charged by its length. */
export type TextCost = {
  readonly segments: number
  readonly encoding: 'GSM-7' | 'UCS-2'
  /** What whoever wrote a template should know of it; null: nothing. */
  readonly warning: { readonly code: string; readonly message: string } | null
}

/** What the messages of a channel consist of, and how much fits into one. */
export type MessageFormat = TextFormat | ApprovedFormat

/** Texts: the organization's own templates, or built-in ones. */
export type TextFormat = {
  readonly kind: 'text'
  /** The built-in subject; null: messages have none. */
  readonly subject: ((facts: MessageFacts) => string) | null
  /** The built-in text. */
  readonly text: (facts: MessageFacts) => string
  /** The same with its parts, for a layout around it (`MailFrame`); null: the channel has none. */
  readonly letter: ((facts: MessageFacts) => MessageDocument) | null
  /** People reply to its messages, so that they may ask for an answer (`MessageFacts.ask`). */
  readonly asks: boolean
  /** The message by which an organization tests its account; its words say so. Null: the organization's name is not known. */
  readonly test: (organization: string | null) => { readonly subject: string | null; readonly text: string }
  /** How much its messages say where nobody sets it. */
  readonly detail: DetailLevel
  /** A text that is longer is replaced by the built-in one. */
  readonly limit: SizeLimit
  /**
   * A text as it goes out, in this language (BCP 47), and as HTML where the channel has that. `keepsCharacters`: none is replaced to make it
   * cheaper. `document`: the same text with its headings, lists, links and buttons, for HTML; left out, it has none.
   */
  readonly finish: (
    text: string,
    language: string,
    keepsCharacters?: boolean,
    document?: MessageDocument,
  ) => { readonly text: string; readonly html: string | null }
  /** Null: a text costs the same whatever its length. */
  readonly cost: ((text: string) => TextCost) | null
}

/**
 * Templates that the provider has approved, and nothing else but answers: an organization names them by category and language, with the
 * order of their variables.
 */
export type ApprovedFormat = {
  readonly kind: 'approved'
  /** How much its messages say where nobody sets it: values that would say more are left out. */
  readonly detail: DetailLevel
  /** What is wrong with the name of a template, for the transport that would send (null: none yet); continues it. Null: nothing. */
  readonly nameFault: (name: string, transport: string | null) => string | null
  /** Of a template with its values. */
  readonly limit: SizeLimit
  /** The longest value, in characters; longer ones are cut off. */
  readonly longestValue: number
  /** What is sent where no template is approved, to whoever wrote not longer ago than this, in ms. Left out: nothing. */
  readonly free?: { readonly format: TextFormat; readonly withinMs: number }
}

/** What templates need to know of the channel they are for. */
export type Templated<Format extends MessageFormat = TextFormat> = {
  readonly words: { readonly one: string }
  readonly content: Format
  /** The setting that holds the templates, to name what is wrong in them: `emailTemplates`. */
  readonly field: string
}
