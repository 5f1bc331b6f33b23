import type { TransportErrorOptions } from '../../../src/index.ts'

/** What the server was answering. `hello` is EHLO or HELO; `data` is DATA and the end of the content. */
export type Stage = 'connect' | 'hello' | 'tls' | 'auth' | 'mail' | 'rcpt' | 'data'

/** A reply that refuses something. */
export type Answer = {
  readonly stage: Stage
  /** 400 to 599. */
  readonly reply: number
  /** The enhanced status code (RFC 3463), such as `5.1.1`; null: the server gives none. */
  readonly status: string | null
  /** The server's words. They may name the recipient: they are looked at here and never repeated. */
  readonly text: string
}

type Classification = Pick<TransportErrorOptions, 'outcome' | 'scope' | 'addressUnknown'>

export type Classified = Classification & {
  /** False: no rule knows the answer, and its reply alone decided. */
  readonly isUnderstood: boolean
}

const accountWaits: Classification = { outcome: 'transient', scope: 'account' }
const accountRefused: Classification = { outcome: 'permanent', scope: 'account' }
const messageWaits: Classification = { outcome: 'transient', scope: 'message' }
const messageRefused: Classification = { outcome: 'permanent', scope: 'message' }
const addressUnknown: Classification = { ...messageRefused, addressUnknown: true }

/** Whose fault an answer is, and whether it may pass by itself. */
export function classify(answer: Answer): Classified {
  const facts = factsOf(answer)
  const classification = rules.find(([applies]) => applies(facts))?.[1]
  if (classification === undefined) return { ...(facts.lasts ? messageRefused : messageWaits), isUnderstood: false }
  return {
    ...(typeof classification === 'function' ? classification(facts.lasts) : classification),
    isUnderstood: true,
  }
}

type Facts = Answer & {
  /** The status without its class: `1.1` of `5.1.1`. */
  readonly detail: string
  /** The words without addresses and links, of which any could look like a reason. */
  readonly words: string
  /** Neither the reply nor the status promises that it may pass. */
  readonly lasts: boolean
  /** The status says no more than "policy", "protocol" or "other": the words decide. */
  readonly isOpen: boolean
}

function factsOf(answer: Answer): Facts {
  const { reply, status, text } = answer
  const detail = status?.slice(2) ?? ''
  return {
    ...answer,
    detail,
    words: text
      .slice(0, 1000)
      // A sentence goes on over the lines of an answer, each of which begins with the reply, and may with the status.
      .replace(/^\d{3}[ -](?:[245]\.\d{1,3}\.\d{1,3}(?=\s))?/gm, '')
      .split(/\s+/)
      .filter((word) => !/[<@]|:\/\//.test(word))
      .join(' '),
    lasts: reply >= 500 && status?.startsWith('4') !== true,
    isOpen: status === null || /^(?:[0-3]\.0|4\.6|5\.\d+|7\.[01])$/.test(detail),
  }
}

type Rule = readonly [
  applies: (facts: Facts) => boolean,
  classification: Classification | ((lasts: boolean) => Classification),
]

const account = (lasts: boolean): Classification => (lasts ? accountRefused : accountWaits)
const message = (lasts: boolean): Classification => (lasts ? messageRefused : messageWaits)

/** 530, 534, 535 and 538 speak of missing, weak or wrong credentials wherever they come (RFC 4954). */
const credentialReplies: readonly number[] = [530, 534, 535, 538]
/** Replies of AUTH that Exchange (connections at a time) and Amazon (throttling) give to DATA. */
const busyReplies: readonly number[] = [432, 454]

/**
 * The first that applies decides. The stage comes before all: until the server accepts the sender, nothing is about the
 * message. Later it still may be about the account: Postfix refuses sender, client and EHLO name only at RCPT, Gmail and
 * Amazon report a used-up quota at DATA.
 */
const rules: readonly Rule[] = [
  [({ reply, stage }) => reply === 421 || stage === 'connect' || stage === 'hello' || stage === 'tls', accountWaits],
  [({ reply, stage }) => stage === 'auth' || credentialReplies.includes(reply), account],
  [
    ({ detail, isOpen, words }) => tooLarge.detail.test(detail) || (isOpen && tooLarge.words.test(words)),
    messageRefused,
  ],
  [({ stage, reply, status }) => stage !== 'mail' && reply === 552 && !/^5\.[2-7]/.test(status ?? ''), messageWaits],
  [
    ({ stage, detail, words }) => stage !== 'mail' && (full.detail.test(detail) || full.words.test(words)),
    messageWaits,
  ],
  [({ reply, detail }) => busyReplies.includes(reply) || quota.detail.test(detail), accountWaits],
  [({ isOpen, words }) => isOpen && quota.words.test(words), accountWaits],
  // 503 is about the state of the session: on another connection the same message may go through.
  [({ stage, reply }) => stage === 'mail' && reply === 503, accountWaits],
  [({ stage, reply }) => stage !== 'mail' && reply === 503, messageWaits],
  [({ stage, detail }) => stage === 'mail' || sender.detail.test(detail), account],
  [({ words }) => relay.test(words), account],
  [({ detail, words }) => address.detail.test(detail) && blocked.test(words), message],
  [({ lasts, detail }) => lasts && address.detail.test(detail), addressUnknown],
  [({ lasts, isOpen, words }) => lasts && isOpen && address.words.test(words), addressUnknown],
  [({ isOpen, words }) => isOpen && recipient.test(words), message],
  [({ isOpen, words }) => isOpen && sender.words.test(words), account],
  [({ isOpen, words }) => !isOpen || content.test(words), message],
  // A greylisting server may say no more than this.
  [({ reply }) => reply === 450 || reply === 451 || reply === 452, messageWaits],
]

const tooLarge = {
  detail: /^(?:2\.3|3\.4)$/,
  words: /(?:message|mail) (?:size|too (?:large|big|long))|size exceeds|exceeds? .{0,20}size/i,
}
/** The recipient's mailbox takes no more for now. */
const full = {
  detail: /^2\.(?:2|12[012])$/,
  words:
    /over ?quota|mailbox[^.;]{0,20}(?:full|quota|exceeded)|(?:user|mailbox|recipient) quota|exceeded storage|receiving mail (?:at a rate|too quickly)|recipient has exceeded/i,
}
/** What the account may send is used up, or it sends too fast. */
const quota = {
  detail: /^(?:1\.90|3\.2|4\.5|7\.28|7\.705)$/,
  words:
    /(?:send(?:ing)?|submission|outgoing|outbound|daily|day|hour|hourly|mails?|messages?|rate|frequency)[\s_-]{0,2}(?:rate |user )?(?:limit|quota)|(?:limit|quota)[^.]{0,40}(?:outgoing|sent|send)|per (?:minute|hour|day)|too (?:many|much) (?:e?-?mails?|messages|connections)|throttl|excessive volume|unusual (?:rate|sending|activity)|concurrent connections|credits exceeded|sending paused/i,
}
/**
 * Sender, credentials, encryption, SPF, DKIM, DMARC, reverse DNS. From 7.40 on they are Google's and Microsoft's own; the
 * others of 7.1xx are about a recipient who takes mail of few.
 */
const sender = {
  detail: /^(?:1\.[78]|2\.252|7\.(?:[89]|1[1-4]|2\d|3\d|40|5[07]|6[048]|139|[567]\d\d))$/,
  words:
    /\bsender\b|mail ?from|from address|\b(?:ehlo|helo)\b|client (?:host|\[)|your (?:ip|host|domain|account|server)|\bip address|banned (?:ip|sending)|reverse dns|\bptr\b|\bspf\b|\bdkim\b|\bdmarc\b|bl[ao]ck ?list|spamhaus|\bd?n?s?rbl\b|\bdnsbl\b|reputation|authenticat|(?:log|sign|logged|signed) ?in\b|not verified|send.?as.?denied|sending (?:domain|ip|server)|spoof|not authorized|permissions? to send/i,
}
const relay = /\b(?:relay|relaying|rcpthosts)\b(?!=)/i
/** Servers of large providers refuse whom they do not trust by the status of an unknown address. */
const blocked = /bl[ao]ck ?list|spamhaus|too many (?:recipients|messages)|recipient preferences/i
/**
 * Nobody has this address, by the registry of RFC 5248: 1.1 bad mailbox, 1.2 bad system, 1.3 bad syntax, 1.6 moved without a
 * forwarding address (RFC 3463), 1.10 a domain that takes no mail (RFC 7505). Not 1.0 and 1.4, which may be about one that is
 * there, nor 1.7 and 1.8, which are about the sender.
 */
const address = {
  detail: /^1\.(?:1|2|3|6|10)$/,
  words:
    /(?:user|recipient|mailbox|account|addressee|address) unknown|unknown (?:user|recipient|mailbox|account)|no such (?:user|recipient|mailbox|account|address|person)|(?:user|recipient|mailbox|account|address)[^.;]{0,30}(?:does(?: not|n't) exist|not found)/i,
}
/** The last is what cPanel's servers say of a domain that they find no way to, whatever it was; they say so of senders too. */
const recipient = /recipient (?:address|temporarily)|gr[ae]y-?list|domain may not exist(?!.*sender verify)/i
const content = /\bspam\b|virus|unsolicited|suspicious|content|attachment/i
