import type { Channel } from '../../channels/index.ts'
import { isSameRecipient } from '../../domain/appointment.ts'
import type { LinkRow } from '../../ports/storage.ts'
import type { FilledTemplate } from '../../schemas/approved-templates.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import { isAnswerPurpose, type LinkPurpose, linkPurposes, linkUrl, tokenMask, tokenShape } from '../../schemas/link.ts'
import type { Category } from '../../schemas/vocabulary.ts'
import { createLinkTokens, type LinkTokens } from '../../security/link-tokens.ts'
import type { ServiceOptions } from './service-options.ts'

const dayMs = 86_400_000
/** How long links work that are about no appointment, or about one whose start is not known. */
const lifeMs = { preferences: 90 * dayMs, unsubscribe: 90 * dayMs, contact: 3 * dayMs, answer: dayMs }

/** What a link is about, and the message that it is in. */
export type LinkAbout = {
  readonly organizationId: string
  /** Who answers for the appointment. */
  readonly recipient: RecipientRef
  /** Whose preferences it is about: all whom the message was for, or who is written to in their place. */
  readonly readers: readonly [RecipientRef, ...RecipientRef[]]
  readonly appointmentId: EntityId | null
  readonly channel: Channel | null
  readonly category: Category | null
  /** The start that the message names. */
  readonly startsAt: Date | null
  /** The same for every attempt at the message. */
  readonly messageKey: string
  readonly now: Date
}

/** Of the readers of a message one; `unknown`: whom it is about, where the host knows none of those who read it. */
export type Place = number | 'unknown'

/** The first row is found by the token. */
type Link = { readonly url: string; readonly rows: readonly [LinkRow, ...LinkRow[]] }

type Texts = {
  readonly subject: string | null
  readonly text: string
  readonly html: string | null
  readonly template: FilledTemplate | null
}

/**
 * The links of messages. Texts are rendered, kept and shown with a mask in place of each token; only what goes to a transport has the
 * tokens. These are computed from the message and never stored, so that a message that is sent again has the same links.
 */
export class Links {
  /** What links begin with; null: none can be made, without the option `publicUrl` or an encryption key. */
  readonly base: string | null
  readonly #tokens: LinkTokens | null

  constructor({ publicUrl, encryptionKeys }: Pick<ServiceOptions, 'publicUrl' | 'encryptionKeys'>) {
    this.#tokens = encryptionKeys.length === 0 ? null : createLinkTokens(encryptionKeys)
    this.base = this.#tokens === null ? null : publicUrl
  }

  /** A link, and the rows that make it work: one for each person it is about. @throws TypeError where `base` is null. */
  make(purpose: LinkPurpose, about: LinkAbout, contact: string | null = null): Link {
    if (this.base === null || this.#tokens === null) throw new TypeError('no links can be made')
    const { organizationId, messageKey, startsAt, now, recipient, readers, ...rest } = about
    const tokens = this.#tokens
    const token = tokens.token(JSON.stringify([purpose, organizationId, messageKey]))
    const isAnswer = isAnswerPurpose(purpose)
    const later = (ms: number) => new Date(now.getTime() + ms)
    const rowOf = (person: RecipientRef, place: Place): LinkRow => ({
      ...rest,
      hash: tokens.hashes(atPlace(token, place))[0],
      organizationId,
      recipient: person,
      purpose,
      startsAt: isAnswer ? startsAt : null,
      contact,
      expiresAt: isAnswer ? (startsAt ?? later(lifeMs.answer)) : later(lifeMs[purpose]),
      createdAt: now,
    })
    const [first, ...others] = readers
    const isReader = readers.some((one) => isSameRecipient(one, recipient))
    const further = [
      ...others.map((one, index) => rowOf(one, index + 1)),
      ...(isReader ? [] : [rowOf(recipient, 'unknown')]),
    ]
    const more = isAnswer ? [] : further
    return { url: linkUrl(this.base, purpose, token), rows: [rowOf(isAnswer ? recipient : first, 0), ...more] }
  }

  /** Puts tokens in place of the masks of a message, and gives the rows that make them work. */
  fill(message: Texts, about: LinkAbout): { readonly message: Texts; readonly links: readonly LinkRow[] } {
    const { base } = this
    // Of WhatsApp, the text is what the provider makes of the template.
    const isMasked = [message.subject, message.text, message.html].some((one) => one?.includes(tokenMask))
    if (base === null || !isMasked) return { message, links: [] }
    const links = new Map<LinkPurpose, Link>()
    const filled = (text: string): string =>
      linkPurposes.reduce((before, purpose) => {
        const masked = linkUrl(base, purpose, tokenMask)
        if (!before.includes(masked)) return before
        const link = links.get(purpose) ?? this.make(purpose, about)
        links.set(purpose, link)
        return before.replaceAll(masked, link.url)
      }, text)
    const { subject, text, html, template } = message
    return {
      message: {
        subject: subject === null ? null : filled(subject),
        text: filled(text),
        html: html === null ? null : filled(html),
        template: template && {
          ...template,
          parameters: template.parameters.map((one) => ({ ...one, value: filled(one.value) })),
        },
      },
      links: [...links.values()].flatMap(({ rows }) => rows),
    }
  }

  /** What is stored of a token under each key, for one of those it is about; empty for what is no token. */
  hashes(token: string, place: Place): readonly string[] {
    return this.#tokens === null || !tokenShape.test(token) ? [] : this.#tokens.hashes(atPlace(token, place))
  }
}

/** The row of the first person is found by the token itself; nobody makes a token of those of the others. */
const atPlace = (token: string, place: Place): string => (place === 0 ? token : `${token}.${place}`)
