import { describe, expect, it } from 'vitest'
import { type SesOptions, ses } from '../../../../adapters/transport/receipts.ts'
import type { WebhookAccount, WebhookRequest } from '../../../../src/index.ts'
import { certificate } from './sns-certificate.ts'
import { type Fields, place, signed } from './sns-signed.ts'

const topic = 'arn:aws:sns:eu-west-1:123456789012:mail'
const host: WebhookAccount = { id: 'account', organizationId: null, channel: 'EMAIL', accounts: [] }
const now = new Date('2026-12-01T12:00:00Z')

const notice = (message: unknown, more: Fields = {}): Fields => ({
  Type: 'Notification',
  MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
  TopicArn: topic,
  Message: typeof message === 'string' ? message : JSON.stringify(message),
  Timestamp: '2026-12-01T11:59:58.000Z',
  ...more,
})

/** What the internet answers, and what was asked of it. */
function reader(options: Partial<SesOptions> = {}, answer: () => Response = () => new Response(certificate)) {
  const asked: string[] = []
  const get: typeof fetch = async (url) => {
    asked.push(String(url))
    return answer()
  }
  const read = ses({ topics: [topic], fetch: get, ...options })
  const post = async (fields: Fields | string, { account = host, at = now } = {}) => {
    const body = Buffer.from(typeof fields === 'string' ? fields : JSON.stringify(fields))
    const headers = { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-message-type': 'Notification' }
    const request: WebhookRequest = {
      ...{ method: 'POST', url: null, query: '', headers, body, now: at },
      signal: new AbortController().signal,
    }
    return read(request, account)
  }
  const outcome = async (...given: Parameters<typeof post>) => {
    const reading = await post(...given)
    return reading.kind === 'refused' ? reading.reason : reading.reports
  }
  return { asked, post, outcome }
}

const mail = {
  timestamp: '2026-12-01T11:59:50.000Z',
  messageId: '0102019aaf-ses',
  headers: [
    { name: 'From', value: 'clinic@clinic.example' },
    { name: 'Message-ID', value: '<7f3d@clinic.example>' },
  ],
}
const id = '<7f3d@clinic.example>'
const delivery = {
  eventType: 'Delivery',
  mail,
  delivery: { timestamp: '2026-12-01T11:59:55.000Z', recipients: ['ada@example.org'] },
}

describe('SNS', () => {
  it.each(['1', '2'] as const)(
    'takes signatures of version %s, with a subject or without, and gets the certificate once',
    async (version) => {
      const { outcome, asked } = reader()
      for (const more of [{}, { Subject: 'Amazon SES' }]) {
        expect(await outcome(signed(notice(delivery, more), version))).toMatchObject([{ messageId: id }])
      }
      expect(asked).toEqual([place])
    },
  )

  it('refuses what is altered, unsigned or of a version that it does not know', async () => {
    const { outcome } = reader()
    const fine = signed(notice(delivery))
    for (const name of ['Message', 'MessageId', 'Timestamp', 'Signature']) {
      expect([name, await outcome({ ...fine, [name]: `x${fine[name]?.slice(1)}` })]).toEqual([name, 'unsigned'])
    }
    expect(await outcome({ ...fine, Subject: 'added' })).toBe('unsigned')
    expect(await outcome({ ...fine, SignatureVersion: '2' })).toBe('unsigned')
    for (const SignatureVersion of ['3', '', 'constructor', '__proto__', 'toString']) {
      expect([SignatureVersion, await outcome({ ...fine, SignatureVersion })]).toEqual([SignatureVersion, 'unsigned'])
    }
    expect(await outcome({ ...fine, Type: 'constructor' })).toBe('unsigned')
    for (const odd of ['', 'nonsense', '[]', 'null', '{}']) expect(await outcome(odd)).toBe('unsigned')
  })

  it.each([
    'http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-01.pem',
    'https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-01.pem',
    'https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-01.pem',
    'https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-01.pem',
    'https://user@sns.eu-west-1.amazonaws.com/SimpleNotificationService-01.pem',
    'https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-01.pem',
    'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-01.pem?bucket=evil',
    'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-01.pem#.pem',
    'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-01.txt',
    'https://sns.eu-west-1.amazonaws.com/x.pem',
    'https://sns.eu-west-1.amazonaws.com/a/SimpleNotificationService-0123456789abcdef.pem',
    'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123/../x.pem',
    'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-%2e%2e%2fx.pem',
    'https://sns.eu-west-1.amazonaws.com./SimpleNotificationService-0123456789abcdef.pem',
    'https://evil.s3.amazonaws.com/SimpleNotificationService-01.pem',
    'https://sns.evil.s3.amazonaws.com/SimpleNotificationService-01.pem',
    'https://sns-evil.amazonaws.com/SimpleNotificationService-01.pem',
    'https://sns.s3-us-west-2.amazonaws.com/SimpleNotificationService-01.pem',
    'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem',
    'file:///etc/SimpleNotificationService-01.pem',
    'nonsense',
  ])('gets no certificate from %s', async (SigningCertURL) => {
    const { outcome, asked } = reader()
    expect(await outcome({ ...signed(notice(delivery)), SigningCertURL })).toBe('unsigned')
    expect(asked).toEqual([])
  })

  it('asks nobody anything about a topic that is not listed, nor for an organization that has none', async () => {
    const { outcome, asked } = reader()
    const foreign = signed(notice(delivery, { TopicArn: 'arn:aws:sns:eu-west-1:666:mail' }))
    expect(await outcome(foreign)).toBe('foreign')
    const own = { ...host, organizationId: 'a' }
    expect(await outcome(signed(notice(delivery)), { account: own })).toBe('foreign')
    expect(asked).toEqual([])
    const each = reader({ topics: ({ organizationId }) => (organizationId === 'a' ? [topic] : []) })
    expect(await each.outcome(signed(notice(delivery)), { account: own })).toHaveLength(1)
    expect(await each.outcome(signed(notice(delivery)))).toBe('foreign')
  })

  it('refuses a certificate out of its time, a message of weeks ago, and one of the future', async () => {
    const { outcome } = reader()
    expect(await outcome(signed(notice(delivery)), { at: new Date('2226-11-29T12:00:00Z') })).toBe('unsigned')
    expect(await outcome(signed(notice(delivery, { Timestamp: '2026-10-01T00:00:00.000Z' })))).toBe('stale')
    expect(await outcome(signed(notice(delivery, { Timestamp: '2026-12-01T12:05:01.000Z' })))).toBe('stale')
    expect(await outcome(signed(notice(delivery, { Timestamp: 'whenever' })))).toBe('stale')
  })

  it('answers 503 while the certificate cannot be had, and asks anew the next time', async () => {
    let answer = () => new Response('busy', { status: 500 })
    const { outcome, asked } = reader({}, () => answer())
    const message = signed(notice(delivery))
    const unavailable = { code: 'host_timeout' }
    await expect(outcome(message)).rejects.toMatchObject(unavailable)
    answer = () => new Response('x'.repeat(20_000))
    await expect(outcome(message)).rejects.toMatchObject(unavailable)
    answer = () => new Response('no certificate')
    await expect(outcome(message)).rejects.toMatchObject(unavailable)
    answer = () => new Response(certificate)
    expect(await outcome(message)).toHaveLength(1)
    expect(asked).toHaveLength(4)
  })

  it('confirms a subscription of a listed topic by the topic itself, and never follows its SubscribeURL', async () => {
    const request = {
      ...notice('You have chosen to subscribe'),
      Type: 'SubscriptionConfirmation',
      Token: 'token & more',
      SubscribeURL: 'http://169.254.169.254/latest/meta-data',
    }
    const { outcome, asked } = reader()
    expect(await outcome(signed(request))).toEqual([])
    const query = `Action=ConfirmSubscription&TopicArn=${encodeURIComponent(topic)}&Token=token+%26+more`
    expect(asked).toEqual([place, `https://sns.eu-west-1.amazonaws.com/?${query}`])
    const by = reader({ confirm: false })
    expect(await by.outcome(signed(request))).toEqual([])
    expect(by.asked).toEqual([place])
    // That it was ended is taken note of, and not undone.
    const ended = reader()
    expect(await ended.outcome(signed({ ...request, Type: 'UnsubscribeConfirmation' }))).toEqual([])
    expect(ended.asked).toEqual([place])
    // Not signed: nothing is asked for.
    const forged = reader()
    expect(await forged.outcome({ ...signed(request), Token: 'other' })).toBe('unsigned')
    expect(forged.asked).toEqual([place])
  })
})

describe('SES', () => {
  const read = async (event: unknown) => reader().outcome(signed(notice(event)))
  const report = (receipt: object) => [{ messageId: id, to: 'ada@example.org', receipt: { messageId: id, ...receipt } }]
  const at = new Date('2026-12-01T11:59:57.000Z')
  const bounce = (bounceType: string, bounceSubType: string, recipient: object = {}) => ({
    notificationType: 'Bounce',
    mail,
    bounce: {
      ...{ bounceType, bounceSubType, timestamp: at.toISOString() },
      bouncedRecipients: [{ emailAddress: '"Ada" <ada@example.org>', ...recipient }],
    },
  })

  it('reports what was delivered', async () => {
    expect(await read(delivery)).toEqual(report({ outcome: 'delivered', at: new Date('2026-12-01T11:59:55.000Z') }))
  })

  it.each([
    ['Permanent', 'General', { status: '5.1.1', diagnosticCode: 'smtp; 550 no such user' }, 'ses_5.1.1', true],
    ['Permanent', 'NoEmail', {}, 'ses_noemail', true],
    ['Permanent', 'General', { status: '5.7.1' }, 'ses_5.7.1', false],
    ['Permanent', 'General', { status: '5.2.2' }, 'ses_5.2.2', false],
    // About the sender, the mailbox, or whom the server trusts.
    ['Permanent', 'General', { status: '5.1.8' }, 'ses_5.1.8', false],
    ['Permanent', 'General', { status: '5.2.1' }, 'ses_5.2.1', false],
    [
      'Permanent',
      'General',
      { status: '5.1.1', diagnosticCode: 'smtp; 550 5.1.1 Blocked, see Spamhaus' },
      'ses_5.1.1',
      false,
    ],
    ['Permanent', 'General', { status: '5.0.0', diagnosticCode: 'smtp; 550 No such user here' }, 'ses_5.0.0', true],
    ['Permanent', 'Suppressed', {}, 'ses_suppressed', false],
    ['Transient', 'MailboxFull', { status: '5.1.1' }, 'ses_5.1.1', false],
    ['Undetermined', '', {}, 'ses_undetermined', false],
  ])(
    'reports a bounce %s %s %j as %s; nobody has the address: %s',
    async (type, subtype, recipient, code, addressUnknown) => {
      const error = 'diagnosticCode' in recipient ? recipient.diagnosticCode : null
      expect(await read(bounce(type, subtype, recipient))).toEqual(
        report({ outcome: 'bounced', code, error, addressUnknown, at }),
      )
    },
  )

  it('reports that a forwarded mail came back, which says nothing of the address that it was sent to', async () => {
    const forwarded = bounce('Permanent', 'General', { emailAddress: 'ada@home.example', status: '5.1.1' })
    const of = (...destination: string[]) => ({ ...forwarded, mail: { ...mail, destination } })
    const receipt = { messageId: id, outcome: 'bounced', code: 'ses_5.1.1', error: null, at }
    expect(await read(of('ada@example.org'))).toEqual([
      { messageId: id, receipt: { ...receipt, addressUnknown: false } },
    ])
    expect(await read(of('Ada <ADA@home.example>'))).toEqual([
      { messageId: id, to: 'ada@home.example', receipt: { ...receipt, addressUnknown: true } },
    ])
  })

  it('reports a complaint, unless the person says that it is none', async () => {
    const complaint = (complaintFeedbackType?: string) => ({
      eventType: 'Complaint',
      mail: { commonHeaders: { messageId: id } },
      complaint: {
        ...{ complaintFeedbackType, timestamp: at.toISOString() },
        complainedRecipients: [{ emailAddress: 'ada@example.org' }],
      },
    })
    expect(await read(complaint('abuse'))).toEqual(report({ outcome: 'complained', code: 'ses_abuse', at }))
    expect(await read(complaint())).toEqual(report({ outcome: 'complained', code: 'ses_complaint', at }))
    expect(await read(complaint('not-spam'))).toEqual([])
  })

  it.each([
    'nonsense',
    {},
    { eventType: 'Open', mail },
    { eventType: 'Delivery' },
    { eventType: 'Delivery', mail: { messageId: 'ses-only' }, delivery: { recipients: ['ada@example.org'] } },
    { eventType: 'Bounce', mail, bounce: { bouncedRecipients: 'x' } },
  ])('reports nothing of %j', async (event) => {
    expect(await read(event)).toEqual([])
  })
})
