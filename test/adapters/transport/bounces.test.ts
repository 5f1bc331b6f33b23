import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { bounces } from '../../../adapters/transport/bounces.ts'
import type { MailReport, RecipientReport } from '../../../src/index.ts'
import {
  type Bounce,
  bounceMail,
  bounceOf,
  complaintMail,
  multipart,
  vacationMail,
} from '../../support/report-mails.ts'
import { spentMs } from '../../support/spent.ts'

const messageId = '3b1f0c@clinic.example'
const to = 'ada@example.org'
const quoted = { messageId, to }

const read = (mail: string | Uint8Array) => bounces().read(typeof mail === 'string' ? Buffer.from(mail) : mail)

async function recipientsOf(mail: string): Promise<readonly RecipientReport[]> {
  const report = await read(mail)
  if (report?.kind !== 'delivery') throw new Error('a report of a delivery was expected')
  return report.recipients
}
const recipientOf = async (bounce: Partial<Bounce>) => {
  const [one] = await recipientsOf(bounceMail({ ...quoted, ...bounce }))
  if (one === undefined) throw new Error('a recipient was expected')
  return one
}

describe('a delivery status notification', () => {
  it('says for whom it bounced, why, and which message it is about', async () => {
    expect(await read(bounceMail({ ...quoted, header: [`In-Reply-To: <${messageId}>`] }))).toEqual({
      kind: 'delivery',
      recipients: [
        {
          addresses: [to, to],
          outcome: 'bounced',
          code: 'smtp_5.1.1',
          reason: `<${to}>: Recipient address rejected: User unknown`,
          addressUnknown: true,
        },
      ],
      quoted: { messageIds: [messageId], addresses: [to, to, to], sender: null },
    } satisfies MailReport)
  })

  it('is about the message that it returns, not about those that this one answers', async () => {
    const staffs = { messageId: 'answer@clinic.example', to }
    const header = [`In-Reply-To: <${staffs.messageId}>`, `References: <${messageId}> <${staffs.messageId}>`]
    for (const returned of ['message', 'header'] as const) {
      const report = await read(bounceMail({ ...staffs, returned, header }))
      expect(report?.quoted.messageIds).toEqual([staffs.messageId])
    }
  })

  test.each(['message', 'header'] as const)('may bring the %s of the message', async (returned) => {
    const report = await read(bounceMail({ ...quoted, returned }))
    expect(report?.quoted).toMatchObject({ messageIds: [messageId], addresses: expect.arrayContaining([to]) })
  })

  it('may bring nothing of the message, and name it in its own header, as Gmail does', async () => {
    const header = [`References: <other@x.example> <${messageId}>`, `X-Failed-Recipients: ${to}`]
    const report = await read(bounceMail({ ...quoted, returned: 'nothing', header }))
    expect(report?.quoted).toMatchObject({ messageIds: ['other@x.example', messageId] })
  })

  test.each<[what: string, Partial<Bounce>, Partial<RecipientReport>]>([
    [
      'a comment behind the status',
      { status: '5.0.0 (permanent failure)', diagnostic: null },
      { code: 'smtp_5.0.0', addressUnknown: false },
    ],
    [
      'an exact answer behind an open status',
      { status: '5.0.0', diagnostic: 'smtp; 550 5.1.1 No such user' },
      { code: 'smtp_5.1.1', addressUnknown: true },
    ],
    [
      'the words of Exim only',
      { status: '5.0.0', diagnostic: 'smtp; 550 No such user here' },
      { code: 'smtp_5.0.0', addressUnknown: true },
    ],
    [
      'the code of Exchange',
      { status: '5.1.10', diagnostic: 'smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound' },
      { code: 'smtp_5.1.10', addressUnknown: true },
    ],
    ['a domain without mail', { status: '5.1.2', diagnostic: null }, { code: 'smtp_5.1.2', addressUnknown: true }],
    ['no status', { status: null, diagnostic: 'X-Unix; user unknown' }, { outcome: 'bounced', code: 'smtp_5.0.0' }],
    ['no action', { action: null }, { outcome: 'bounced' }],
    ['an action in capitals, with a comment', { action: 'Failed (gave up)' }, { outcome: 'bounced' }],
    [
      'a full mailbox',
      { status: '5.2.2', diagnostic: 'smtp; 552 5.2.2 Mailbox full' },
      { outcome: 'bounced', code: 'smtp_5.2.2', addressUnknown: false },
    ],
    [
      'a refusal by policy',
      { status: '5.7.1', diagnostic: 'smtp; 550 5.7.1 Blocked as spam' },
      { outcome: 'bounced', addressUnknown: false },
    ],
    [
      'a mailbox that is switched off',
      { status: '5.2.1', diagnostic: null },
      { outcome: 'bounced', addressUnknown: false },
    ],
    ['a sender who is unknown', { status: '5.1.8', diagnostic: null }, { outcome: 'bounced', addressUnknown: false }],
    [
      'a server that gave up',
      { status: '4.4.7', diagnostic: null },
      { outcome: 'bounced', code: 'smtp_4.4.7', addressUnknown: false },
    ],
    [
      'a delay',
      { action: 'delayed', status: '4.4.1', diagnostic: null },
      { outcome: 'delayed', code: 'smtp_4.4.1', addressUnknown: false },
    ],
    [
      'a delay at an unknown address',
      { action: 'delayed', status: '4.1.1' },
      { outcome: 'delayed', addressUnknown: false },
    ],
    ['a delay without an action', { action: null, status: '4.4.1', diagnostic: null }, { outcome: 'delayed' }],
    ['a delivery', { action: 'delivered', status: '2.0.0', diagnostic: null }, { outcome: 'other' }],
    ['a relay', { action: 'relayed', status: '2.0.0' }, { outcome: 'other' }],
    ['a word of Postfix for a probe', { action: 'deliverable', status: '2.1.5' }, { outcome: 'other' }],
    ['an action that its status denies', { action: 'failed', status: '2.0.0', diagnostic: null }, { outcome: 'other' }],
    ['neither action nor status', { action: null, status: null, diagnostic: null }, { outcome: 'other' }],
  ])('is read with %s', async (_what, bounce, expected) => {
    expect(await recipientOf(bounce)).toMatchObject(expected)
  })

  it('may be about several recipients, whose fields may be folded', async () => {
    const found = await recipientsOf(
      bounceOf(quoted, [
        [
          'Original-Recipient: rfc822;alias@example.org',
          'Final-Recipient: rfc822; <one@example.org>',
          'Action: failed',
          'Status: 5.1.1',
        ],
        [
          'Final-Recipient: rfc822;',
          '\ttwo@example.org',
          'Action: delayed',
          'Status: 4.0.0 (host name',
          '\tlookup failure)',
        ],
      ]),
    )
    expect(found).toMatchObject([
      { addresses: ['alias@example.org', 'one@example.org'], outcome: 'bounced' },
      { addresses: ['two@example.org'], outcome: 'delayed', code: 'smtp_4.0.0' },
    ])
  })

  it('may be in UTF-8 (RFC 6533), or in a multipart of another kind', async () => {
    const lines = [
      'Reporting-MTA: dns; mx',
      '',
      'Final-Recipient: utf-8; jörg@bücher.example',
      'Action: failed',
      'Status: 5.1.1',
    ]
    const parts = [
      { type: 'message/global-delivery-status', lines },
      { type: 'message/global-headers', lines: ['To: jörg@bücher.example', `Message-ID: <${messageId}>`] },
    ]
    const mail = multipart(['From: mailer-daemon@mx'], parts, { type: 'multipart/mixed' })
    expect(await recipientsOf(mail)).toMatchObject([{ addresses: ['jörg@bücher.example'], outcome: 'bounced' }])
    expect((await read(mail))?.quoted.messageIds).toEqual([messageId])
  })

  it('may be sent as base64', async () => {
    const lines = ['Final-Recipient: rfc822; ada@example.org', 'Action: failed', 'Status: 5.1.1'].join('\r\n')
    const part = {
      type: 'message/delivery-status\r\nContent-Transfer-Encoding: base64',
      lines: [Buffer.from(lines).toString('base64')],
    }
    expect(await recipientsOf(multipart(['From: mx'], [part]))).toMatchObject([{ outcome: 'bounced' }])
  })
})

describe('a feedback report', () => {
  test.each([
    ['abuse', 'complaint_abuse'],
    ['Fraud', 'complaint_fraud'],
    ['opt-out', 'complaint_opt_out'],
  ])('of the type %s is a complaint', async (type, code) => {
    const report = await read(complaintMail(quoted, type, ['Original-Rcpt-To: <ada@example.org>']))
    expect(report).toEqual({
      kind: 'complaint',
      code,
      quoted: { messageIds: [messageId], addresses: [to, to], sender: null },
    })
  })

  test.each(['not-spam', 'auth-failure', 'virus', 'other', ''])('of the type "%s" is none', async (type) => {
    expect(await read(complaintMail(quoted, type))).toBeNull()
  })
})

describe('a mail that is no report', () => {
  test.each([
    ['an absence notice', vacationMail(quoted)],
    [
      'an answer that quotes a report',
      ['From: a@b.example', '', '> Content-Type: message/delivery-status', '> Action: failed'].join('\r\n'),
    ],
    [
      'a receipt that it was read',
      multipart(
        [],
        [
          {
            type: 'message/disposition-notification',
            lines: ['Disposition: manual-action/MDN-sent-manually; displayed'],
          },
        ],
      ),
    ],
    [
      'a forwarded bounce',
      multipart(['From: boss@clinic.example'], [{ type: 'message/rfc822', lines: bounceMail(quoted).split('\r\n') }], {
        type: 'multipart/mixed',
        boundary: 'outer',
      }),
    ],
    ['nothing', ''],
  ])('reports nothing: %s', async (_what, mail) => expect(await read(mail)).toBeNull())
})

describe('a signed sender', () => {
  const verp = { address: 'bounces@mail.clinic.example', secret: 'a secret of at least thirty-two characters' }
  test.each([
    ['no address', { ...verp, address: 'bounces' }],
    ['a plus sign', { ...verp, address: 'bounces+x@mail.clinic.example' }],
    ['a long name', { ...verp, address: `${'b'.repeat(31)}@mail.clinic.example` }],
    ['a short secret', { ...verp, secret: 'short' }],
  ])('is not made with %s', (_what, wrong) => {
    expect(() => bounces({ verp: wrong })).toThrow(expect.objectContaining({ code: 'options_invalid', field: 'verp' }))
  })

  test.each([
    'bounces+9-0123456789abcdef0123@other.example',
    'bounces+9-0123@mail.clinic.example',
    'bounces+zzzzzzzz-0123456789abcdef0123@mail.clinic.example',
    'bounces@mail.clinic.example',
  ])('is not read from %s', async (address) => {
    const report = await bounces({ verp }).read(Buffer.from(bounceMail({ ...quoted, bounceAddress: address })))
    expect(report?.quoted.sender).toBeNull()
  })
})

describe('a hostile mail', () => {
  const nested = (depth: number) => {
    const lines: string[] = []
    for (let level = 0; level < depth; level++)
      lines.push(`Content-Type: multipart/mixed; boundary="b${level}"`, '', `--b${level}`)
    return [...lines, 'Content-Type: message/delivery-status', '', 'Action: failed'].join('\r\n')
  }
  const status = 'Content-Type: message/delivery-status\r\n\r\n'
  const long = 1024 * 1024 - 1000
  const hostile: [what: string, mail: string | Uint8Array][] = [
    ['thousands of levels', nested(5000)],
    ['a header of a megabyte', `X: ${'a'.repeat(long)}\r\n${status}`],
    ['a header of addresses', `To: ${'a@'.repeat(100_000)}\r\n${status}`],
    ['a header of brackets', `To: ${'('.repeat(200_000)}\r\n${status}`],
    ['a folded header', `References: x\r\n${' <a@b>\r\n'.repeat(30_000)}${status}`],
    ['empty lines', `${status}${'\r\n'.repeat(long / 2)}`],
    [
      'lines of nothing but dashes',
      `Content-Type: multipart/report; boundary="x"\r\n\r\n${'--x\r\n'.repeat(100_000)}${status}`,
    ],
    ['thousands of blocks', `${status}${'Action: failed\r\n\r\n'.repeat(50_000)}`],
    ['one line of a megabyte', `${status}Final-Recipient: ${'a@'.repeat(long / 2)}`],
    ['an answer of a megabyte', `${status}Action: failed\r\nDiagnostic-Code: smtp; 550 ${'user '.repeat(long / 5)}`],
    [
      'a charset that there is not',
      `Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset="no\u0000such"\r\n\r\nä\r\n--x\r\n${status}Action: failed\r\n`,
    ],
    [
      'bytes of no charset',
      Buffer.concat([
        Buffer.from(status),
        Buffer.from([0xff, 0xfe, 0, 0x80, 0x0d, 0x0a]),
        Buffer.from('Action: failed'),
      ]),
    ],
    [
      'html without an end',
      `Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n${'<a '.repeat(200_000)}\r\n--x\r\n${status}Action: failed`,
    ],
    [
      'base64 that is none',
      `Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n${'%$§'.repeat(100_000)}`,
    ],
    ['names of the prototype', `${status}__proto__: x\r\nconstructor: y\r\nAction: failed\r\nStatus: 5.1.1`],
  ]
  test.each(hostile)('of %s is read, or not, in a moment', async (_what, mail) => {
    const before = spentMs()
    await expect(read(mail)).resolves.not.toBeUndefined()
    expect(spentMs() - before).toBeLessThan(2000)
  })

  it('of any bytes in any places is read, or not, and never fails', async () => {
    const whole = Buffer.from(bounceMail({ ...quoted, header: [`References: <${messageId}>`] }))
    const cuts = fc.array(fc.tuple(fc.nat(whole.length), fc.nat(60), fc.uint8Array({ maxLength: 30 })), {
      maxLength: 6,
    })
    await fc.assert(
      fc.asyncProperty(cuts, async (given) => {
        const mail = given.reduce<Buffer>(
          (bytes, [at, length, put]) => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + length)]),
          whole,
        )
        await expect(read(mail)).resolves.not.toBeUndefined()
      }),
      { numRuns: 300 },
    )
  })

  it('that ends in the middle says what it says so far', async () => {
    const whole = bounceMail(quoted)
    for (let length = 0; length < whole.length; length += 7) await read(whole.slice(0, length))
    const cut = whole.slice(0, whole.indexOf('Remote-MTA'))
    expect(await recipientsOf(cut)).toMatchObject([{ outcome: 'bounced', code: 'smtp_5.1.1' }])
  })
})
