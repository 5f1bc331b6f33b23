import { describe, expect, it } from 'vitest'
import { type Answer, classify } from '../../../../adapters/transport/smtp/answers.ts'
import { spentMs } from '../../../support/spent.ts'

/** `550 5.4.5 words`, as a server would say it. */
function answer(stage: Answer['stage'], line: string): Answer {
  const [, reply, status, text = ''] = /^(\d{3})(?: (\d\.\d+\.\d+))?(?: (.*))?$/.exec(line) ?? []
  return { stage, reply: Number(reply), status: status ?? null, text }
}

const named = (line: string, stage: Answer['stage'] = 'rcpt'): string => {
  const { scope, outcome, addressUnknown, isUnderstood } = classify(answer(stage, line))
  const what = addressUnknown ? 'unknown address' : `${scope} ${outcome === 'permanent' ? 'refused' : 'waits'}`
  return isUnderstood ? what : `${what}?`
}

/** Kinds of answers that mail servers of the world give, in words of our own; addresses and links are part of them. */
describe('an answer to RCPT or DATA', () => {
  it.each([
    // What the account may send is used up, or it sends too fast.
    '550 5.4.5 Daily sending quota reached',
    '421 4.7.28 too much from your address',
    '451 4.7.650 limited for now',
    '451 4.7.500 Server busy',
    '452 4.5.3 rate limit exceeded',
    '432 4.3.2 too many connections at a time',
    '454 Throttling failure: daily quota',
    '550 5.1.90 limit of recipients a day',
    '550 Domain clinic.example has exceeded the max emails per hour (25/25 (100%)) allowed',
    '554 5.7.0 The limit on the number of outgoing messages was exceeded',
    '550 too many emails',
    '450 4.7.1 End-of-data rejected: messages per hour exceeded',
    '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException',
    '550 5.4.6 Unusual sending activity detected',
    '550 The user has exceeded its 24-hour sending limit',
    // Not for good, whoever the sender is.
    '450 4.1.8 <clinic@example.com>: Sender address rejected: Domain not found',
    '450 4.7.1 <box>: Helo command rejected: Host not found',
    '450 4.7.1 Client host rejected: cannot find your hostname',
  ])('%s: the account waits', (line) => {
    expect([named(line), named(line, 'data')]).toEqual(['account waits', 'account waits'])
  })

  it.each([
    '553 5.7.1 <clinic@example.com>: Sender address rejected: not owned by user clinic',
    '550 5.1.8 Access denied, bad outbound sender',
    '550 5.7.60 Client does not have permissions to send as this sender',
    '554 5.2.252 SendAsDenied',
    '550 5.7.26 neither SPF nor DKIM passed',
    '554 5.7.9 not accepted for policy reasons',
    '550 5.7.1 rejected by the DMARC policy of example.com',
    '554 5.7.1 <patient@example.org>: Relay access denied',
    '550 relaying denied',
    '504 5.5.2 <box>: Helo command rejected: need fully-qualified hostname',
    '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using a list',
    '550 The from address does not match a verified sender',
    '530 5.7.0 Must issue a STARTTLS command first',
    '550 5.7.606 Access denied, banned sending IP',
  ])('%s: the account is refused', (line) => {
    expect([named(line), named(line, 'data')]).toEqual(['account refused', 'account refused'])
  })

  it.each([
    '450 try again',
    '451 4.7.1 <patient@example.org>: Recipient address rejected: Greylisted for 5 minutes',
    '451 4.3.0 temporarily rejected',
    '450 4.1.2 Recipient address rejected: Domain not found',
    '452 4.2.2 over quota',
    '552 5.2.2 mailbox full',
    '552 exceeded storage allocation',
    '550 5.2.2 quota',
    '554 5.2.122 the recipient takes no more this hour',
    '450 4.2.1 The user is receiving mail at a rate that prevents more',
    '550 5.2.1 The user is receiving mail at a rate that prevents more',
    '552 5.1.1 Recipient overquota',
    '452 4.5.3 too many recipients',
    '554 4.4.1 a class that contradicts its reply',
    '503 5.5.1 Bad sequence of commands',
  ])('%s: the message waits', (line) => {
    expect([named(line), named(line, 'data')]).toEqual(['message waits', 'message waits'])
  })

  it.each([
    '550 5.1.1 <patient@example.org>: User unknown',
    '550 5.1.10 null MX',
    '553 5.1.2 no such domain',
    '501 5.1.3 bad address',
    '550 No such user here',
    '550 5.7.1 Mailbox does not exist',
  ])('%s: nobody has the address', (line) => expect(named(line)).toBe('unknown address'))

  it.each([
    '552 5.3.4 message size exceeds the limit',
    '552 5.2.3 too long',
    '550 5.2.1 disabled',
    '550 5.4.1 Recipient address rejected: Access denied',
    '550 5.7.1 looks like spam',
    '552 5.7.0 illegal attachment',
    '550 5.7.133 takes no mail from outside',
    // By the status of an unknown address, which is none.
    '550 5.1.1 IP address blacklisted by recipient',
    '550 5.1.3 see https://lists.example the Spamhaus list',
    '550 5.1.1 192.0.2.1 has sent to too many recipients this hour',
    '550 5.1.1 refused due to recipient preferences',
  ])('%s: the message is refused', (line) => expect(named(line)).toBe('message refused'))

  it.each([
    ['550 go away', 'message refused?'],
    ['554 5.7.1 local policy', 'message refused?'],
    ['499 what', 'message waits?'],
    ['455 5.5.4 no such parameter', 'message waits?'],
  ])('%s: %s, by its first digit, which is said', (line, outcome) => expect(named(line)).toBe(outcome))

  it('looks for reasons in no address and no link', () => {
    const text = '550 5.7.1 <spf-sender@relay.example> relay@quota.example https://example.org/too-many-messages no'
    expect(named(text)).toBe('message refused?')
  })

  it('is read in no time, whatever its length', () => {
    const began = spentMs()
    for (const letter of ['<', 'a', 'mailbox ', 'limit ', '@']) named(`550 5.7.1 ${letter.repeat(200_000)}`)
    expect(spentMs() - began).toBeLessThan(1000)
  })
})

describe('an answer before the recipient is named', () => {
  it.each(['connect', 'hello', 'tls'] as const)('to %s is the account, and may pass', (stage) => {
    expect([named('554 5.7.1 no', stage), named('450 later', stage), named('502 what', stage)]).toEqual(
      Array.from({ length: 3 }, () => 'account waits'),
    )
  })

  it.each([
    ['auth', '535 5.7.8 bad credentials', 'account refused'],
    ['auth', '535 5.7.139 basic authentication is disabled', 'account refused'],
    ['auth', '454 4.7.0 temporary', 'account waits'],
    ['auth', '432 4.7.12 a password transition is needed', 'account waits'],
    ['mail', '553 sender not allowed', 'account refused'],
    ['mail', '550 5.1.1 even this', 'account refused'],
    ['mail', '550 5.4.5 daily quota', 'account waits'],
    ['mail', '452 4.3.1 insufficient storage', 'account waits'],
    ['mail', '503 5.5.4 authenticate first', 'account waits'],
    ['mail', '552 5.3.4 message size exceeds the limit', 'message refused'],
  ] as const)('to %s, %s: %s', (stage, line, outcome) => expect(named(line, stage)).toBe(outcome))
})
