import { escapeHtml, withElements } from '../../messages/index.ts'

/** A text as HTML: nothing in it is markup, and what is isolated is an element. */
export const markup = (text: string): string => withElements(escapeHtml(text))
