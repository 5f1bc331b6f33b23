/**
 * What a link lets its holder do: answer for an appointment, see and change their messages, refuse one kind of them, or prove that an
 * address is theirs. Also the first part of its path.
 */
export const linkPurposes = ['confirm', 'change', 'cancel', 'preferences', 'unsubscribe', 'contact'] as const
export type LinkPurpose = (typeof linkPurposes)[number]

/** Those that answer for an appointment. */
export const answerPurposes = ['confirm', 'change', 'cancel'] as const satisfies readonly LinkPurpose[]
export type AnswerPurpose = (typeof answerPurposes)[number]

export const isAnswerPurpose = (purpose: LinkPurpose): purpose is AnswerPurpose =>
  answerPurposes.some((one) => one === purpose)

/** Letters and digits alone, so that no program takes the end of a link for punctuation: 22 of 62 hold 128 bits. */
export const tokenLength = 22
export const tokenShape = /^[0-9A-Za-z]{22}$/

/** In place of a token wherever a text is shown or kept: as long, and in an SMS as cheap. */
export const tokenMask = '*'.repeat(tokenLength)

export const linkUrl = (base: string, purpose: LinkPurpose, token: string): string => `${base}/${purpose}/${token}`
