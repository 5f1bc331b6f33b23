import type { RecipientReport } from '../../../src/index.ts'
import { classify } from '../smtp/answers.ts'
import { atsIn, blocksOf, type Fields } from './fields.ts'

/** What a part `message/delivery-status` (RFC 3464) holds. */
export type DeliveryStatus = {
  /** Of the message as a whole. */
  readonly message: Fields
  readonly recipients: readonly RecipientReport[]
}

/** Some servers put all fields into one block, others leave out the one of the message. */
export function readDeliveryStatus(content: Uint8Array): DeliveryStatus {
  const blocks = blocksOf(content)
  return {
    message: blocks[0] ?? new Map(),
    recipients: blocks.filter((one) => one.has('final-recipient') || one.has('action')).map(recipientOf),
  }
}

function recipientOf(fields: Fields): RecipientReport {
  const diagnostic = diagnosticOf(fields.get('diagnostic-code') ?? '')
  const status = statusOf(fields.get('status') ?? '', diagnostic.status)
  const outcome = outcomeOf(fields.get('action'), status)
  const fallback = outcome === 'delayed' ? '4.0.0' : '5.0.0'
  return {
    addresses: ['original-recipient', 'final-recipient', 'x-actual-recipient'].flatMap((name) =>
      atsIn(fields.get(name)),
    ),
    outcome,
    code: `smtp_${status ?? fallback}`,
    reason: diagnostic.words === '' ? null : diagnostic.words,
    addressUnknown: outcome === 'bounced' && isAddressUnknown(status, diagnostic),
  }
}

type Diagnostic = {
  readonly reply: number | null
  readonly status: string | null
  /** With both. */
  readonly text: string
  /** Without them. */
  readonly words: string
}

/** `smtp; 550 5.1.1 <ada@example.org>: user unknown`, of which all but the words may be missing. */
function diagnosticOf(field: string): Diagnostic {
  const text = field.replace(/^[a-z0-9-]{1,30};\s*/i, '')
  const [numbers = '', reply, status] =
    /^([245]\d\d)(?:[ -]+#?([245]\.\d{1,3}\.\d{1,3})(?![.\d]))?[ -]*/.exec(text) ?? []
  const words = text.slice(numbers.length)
  return { reply: reply === undefined ? null : Number(reply), status: status ?? null, text, words }
}

/** Where the field says no more than "permanent" or "temporary", what the next server answered may be more exact. */
function statusOf(field: string, answered: string | null): string | null {
  const status = /^\s*([245]\.\d{1,3}\.\d{1,3})(?![.\d])/.exec(field)?.[1] ?? null
  if (status === null) return answered
  const isOpen = status.endsWith('.0.0') && answered?.[0] === status[0]
  return isOpen ? answered : status
}

/** A `failed` is final whatever its status: a server that gave up after five days has one of 4.4.7. */
function outcomeOf(action: string | undefined, status: string | null): RecipientReport['outcome'] {
  const word = /^[a-z]+/.exec(action?.toLowerCase() ?? '')?.[0]
  if (word === 'delayed') return 'delayed'
  if (word === 'failed') return status?.startsWith('2') ? 'other' : 'bounced'
  if (word !== undefined || status === null) return 'other'
  return status.startsWith('5') ? 'bounced' : status.startsWith('4') ? 'delayed' : 'other'
}

/** Whether a final status, with the field `Diagnostic-Code`, says that nobody has the address. */
export const saysUnknown = (status: string, diagnostic: string): boolean =>
  isAddressUnknown(status, diagnosticOf(diagnostic))

/** A bounce repeats what a server answered at the end: the same rules say what that means. */
function isAddressUnknown(status: string | null, { reply, text }: Diagnostic): boolean {
  if (status !== null && !status.startsWith('5')) return false
  return classify({ stage: 'rcpt', reply: reply ?? 550, status, text }).addressUnknown === true
}
