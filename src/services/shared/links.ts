import type { Channel } from '../../channels/index.ts'
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
  readonly recipient: RecipientRef
  readonly appointmentId: EntityId | null
  readonly channel: Channel | null
  readonly category: Category | null
  /** The start that the message names. */
  readonly startsAt: Date | null
  /** The same for every attempt at the message. */
  readonly messageKey: string
  readonly now: Date
}

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

  /** A link, and the row that makes it work. @throws TypeError where `base` is null. */
  make(purpose: LinkPurpose, about: LinkAbout, contact: string | null = null): { url: string; row: LinkRow } {
    if (this.base === null || this.#tokens === null) throw new TypeError('no links can be made')
    const { organizationId, messageKey, startsAt, now, ...rest } = about
    const token = this.#tokens.token(JSON.stringify([purpose, organizationId, messageKey]))
    const isAnswer = isAnswerPurpose(purpose)
    const later = (ms: number) => new Date(now.getTime() + ms)
    return {
      url: linkUrl(this.base, purpose, token),
      row: {
        ...rest,
        hash: this.#tokens.hashes(token)[0],
        organizationId,
        purpose,
        startsAt: isAnswer ? startsAt : null,
        contact,
        expiresAt: isAnswer ? (startsAt ?? later(lifeMs.answer)) : later(lifeMs[purpose]),
        createdAt: now,
      },
    }
  }

  /** Puts tokens in place of the masks of a message, and gives the rows that make them work. */
  fill(message: Texts, about: LinkAbout): { readonly message: Texts; readonly links: readonly LinkRow[] } {
    const { base } = this
    // Of WhatsApp, the text is what the provider makes of the template.
    if (base === null || !`${message.subject} ${message.text}`.includes(tokenMask)) return { message, links: [] }
    const links = new Map<LinkPurpose, { readonly url: string; readonly row: LinkRow }>()
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
      links: [...links.values()].map(({ row }) => row),
    }
  }

  /** What is stored of a token under each key; empty for what is no token. */
  hashes(token: string): readonly string[] {
    return this.#tokens === null || !tokenShape.test(token) ? [] : this.#tokens.hashes(token)
  }
}
