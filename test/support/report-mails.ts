/** Mails that report what became of another one, in the shapes that servers give them; made up, none of them is anybody's. */

export type Quoted = { readonly messageId: string | null; readonly to: string; readonly returnPath?: string }

const original = ({ messageId, to, returnPath = 'clinic@clinic.example' }: Quoted): string[] => [
  `Return-Path: <${returnPath}>`,
  'Received: from app.clinic.example by mx.relay.example with ESMTPS id 4F1;',
  '\tMon, 10 Mar 2031 12:00:01 +0000 (UTC)',
  'From: Harbour Clinic <clinic@clinic.example>',
  `To: "Ada" <${to}>`,
  ...(messageId === null ? [] : [`Message-ID:\r\n <${messageId}>`]),
  'Subject: =?utf-8?Q?Appointment_Reminder_=E2=80=93_March_12?=',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=utf-8',
]

export type Part = { readonly type: string; readonly lines: readonly string[] }

export const multipart = (
  header: readonly string[],
  parts: readonly Part[],
  { type = 'multipart/report; report-type=delivery-status', boundary = '4F1.1741608000/mx.relay.example' } = {},
): string =>
  [
    ...header,
    'MIME-Version: 1.0',
    `Content-Type: ${type};`,
    `\tboundary="${boundary}"`,
    '',
    'This is a MIME-encapsulated message.',
    '',
    ...parts.flatMap((part) => [`--${boundary}`, `Content-Type: ${part.type}`, '', ...part.lines, '']),
    `--${boundary}--`,
    '',
  ].join('\r\n')

const bounceHeader = (to = 'clinic@clinic.example'): string[] => [
  'Return-Path: <>',
  'Date: Mon, 10 Mar 2031 12:00:05 +0000 (UTC)',
  'From: MAILER-DAEMON@mx.relay.example (Mail Delivery System)',
  'Subject: Undelivered Mail Returned to Sender',
  `To: ${to}`,
  'Auto-Submitted: auto-replied',
]

export type Bounce = Quoted & {
  /** Of the report; null: there is no such field. */
  readonly action?: string | null
  readonly status?: string | null
  readonly diagnostic?: string | null
  /** Default: `to`. */
  readonly recipient?: string
  /** How much of the message comes with it. */
  readonly returned?: 'message' | 'header' | 'nothing'
  /** More fields of the mail itself. */
  readonly header?: readonly string[]
  readonly bounceAddress?: string
}

/** As Postfix writes it; most others write less. */
export function bounceMail(bounce: Bounce): string {
  const { action = 'failed', status = '5.1.1', recipient = bounce.to, returned = 'message' } = bounce
  const { diagnostic = `smtp; 550 5.1.1 <${recipient}>: Recipient address rejected: User unknown` } = bounce
  const report = [
    'Reporting-MTA: dns; mx.relay.example',
    'X-Postfix-Queue-ID: 4F1',
    'Arrival-Date: Mon, 10 Mar 2031 12:00:01 +0000 (UTC)',
    '',
    `Final-Recipient: rfc822; ${recipient}`,
    `Original-Recipient: rfc822;${recipient}`,
    ...(action === null ? [] : [`Action: ${action}`]),
    ...(status === null ? [] : [`Status: ${status}`]),
    'Remote-MTA: dns; mx.example.org',
    ...(diagnostic === null ? [] : [`Diagnostic-Code: ${diagnostic}`]),
  ]
  const quoted = original(bounce)
  const copies: Record<typeof returned, Part[]> = {
    message: [{ type: 'message/rfc822', lines: [...quoted, '', 'Hello Ada,', '', 'your appointment.'] }],
    header: [{ type: 'text/rfc822-headers', lines: quoted }],
    nothing: [],
  }
  return multipart(
    [...bounceHeader(bounce.bounceAddress), ...(bounce.header ?? [])],
    [
      { type: 'text/plain; charset=us-ascii', lines: [`This is the mail system. <${recipient}> was not reached.`] },
      { type: 'message/delivery-status', lines: report },
      ...copies[returned],
    ],
  )
}

/** A report of several recipients, each by the lines of its block. */
export const bounceOf = (quoted: Quoted, blocks: readonly (readonly string[])[]): string =>
  multipart(bounceHeader(), [
    {
      type: 'message/delivery-status',
      lines: ['Reporting-MTA: dns; mx.relay.example', ...blocks.flatMap((one) => ['', ...one])],
    },
    { type: 'message/rfc822', lines: [...original(quoted), '', 'Hello'] },
  ])

/** As the feedback loops of mailbox providers write it; some blank out the recipient. */
export function complaintMail(quoted: Quoted, type = 'abuse', fields: readonly string[] = []): string {
  const header = [
    'Return-Path: <feedback@fbl.mailbox.example>',
    'From: Feedback <feedback@fbl.mailbox.example>',
    'Subject: FW: Appointment Reminder',
    'To: abuse@clinic.example',
  ]
  const report = ['User-Agent: FBL/1.0', 'Version: 1', `Feedback-Type: ${type}`, 'Source-IP: 192.0.2.8', ...fields]
  return multipart(
    header,
    [
      { type: 'text/plain', lines: ['This is an email abuse report.'] },
      { type: 'message/feedback-report', lines: report },
      { type: 'message/rfc822', lines: [...original(quoted), '', 'Hello Ada,'] },
    ],
    { type: 'multipart/report; report-type="feedback-report"' },
  )
}

/** An absence notice, by RFC 3834 and as it is. */
export const vacationMail = ({ messageId, to }: Quoted): string =>
  [
    `From: ${to}`,
    'To: clinic@clinic.example',
    'Subject: Automatic reply: Appointment Reminder',
    'Auto-Submitted: auto-replied (vacation)',
    `In-Reply-To: <${messageId}>`,
    `References: <${messageId}>`,
    '',
    'I am away. For delivery failures (550 5.1.1 user unknown) write to somebody else.',
  ].join('\r\n')
