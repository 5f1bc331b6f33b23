import type { Channel } from '../../channels/index.ts'

/** A page that a link opens, in words; `src/http/pages` makes HTML of it. Values are isolated where directions meet. */
export type Page = {
  readonly status: number
  /** BCP 47. */
  readonly language: string
  readonly isFromRight: boolean
  /** Null: nobody may know, or nobody says. */
  readonly organization: string | null
  /** `#rrggbb`; null: the usual one. */
  readonly color: string | null
  readonly title: string
  readonly paragraphs: readonly string[]
  /** The heading has the focus: it says what came of a form. */
  readonly isResult: boolean
  /** A file beside what the page is for; `href` is relative to it. Null: there is none. */
  readonly file: { readonly href: string; readonly label: string } | null
  /** Null: there is nothing to do. */
  readonly form: ButtonForm | PreferencesForm | null
}

export type ButtonForm = { readonly kind: 'button'; readonly button: string }

/** A box of a form. `name` is that of its field. */
export type Box = { readonly name: string; readonly value: string; readonly label: string; readonly isChecked: boolean }

export type PreferencesForm = {
  readonly kind: 'preferences'
  readonly channels: readonly ChannelPart[]
  readonly language: {
    readonly label: string
    readonly options: readonly { readonly tag: string; readonly name: string; readonly isSelected: boolean }[]
  } | null
  /** What the boxes showed, so that only what the person changes is changed. */
  readonly shown: string
  readonly save: string
  readonly stopAll: string
}

export type ChannelPart = {
  readonly channel: Channel
  readonly name: string
  /** Masked; null: there is none. */
  readonly address: string | null
  readonly boxes: readonly Box[]
  /** When reminders come; null: none are sent on the channel. */
  readonly offsets: { readonly legend: string; readonly boxes: readonly Box[] } | null
  readonly contact: {
    readonly name: string
    readonly label: string
    readonly hint: string
    readonly isPhone: boolean
  } | null
}

/** The fields of a form that came back; a field may have several values. */
export type FormFields = {
  one(name: string): string | null
  all(name: string): readonly string[]
}
