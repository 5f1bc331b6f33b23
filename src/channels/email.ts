import { createPrivateKey } from 'node:crypto'
import { z } from 'zod'
import {
  documentHtml,
  htmlOf,
  letterOf,
  type MessageDocument,
  type MessageFacts,
  shortSubject,
  textOfDocument,
} from '../messages/index.ts'
import { singleLine } from '../schemas/common.ts'
import { emailAddress, readEmail } from '../schemas/email-address.ts'
import { secretMask, type ValuesOf } from '../schemas/fields.ts'
import { type EmailSecurity, emailSecurities } from '../schemas/vocabulary.ts'
import type { AccountFields, ChannelDefinition } from './channel.ts'

/** The credentials of a mail server, decrypted for the duration of a send. */
export type EmailAccount = {
  readonly channel: 'EMAIL'
  readonly host: string
  readonly port: number
  readonly username: string | null
  readonly password: string | null
  /** Default: by port and host, as the transport says. No choice of an organization sends a password in the clear. */
  readonly security?: EmailSecurity
  /** What mail is signed with (RFC 6376). Default: nothing; the server may sign it. */
  readonly dkim?: { readonly domain: string; readonly selector: string; readonly privateKey: string }
}

const host = z
  .string()
  .max(255)
  .regex(/^[^\s/@\p{Cc}\p{Cs}]+$/u, 'must be a host name or address, without scheme or path')
  .meta({ examples: ['smtp.example.org'] })
const username = singleLine(255).meta({ examples: ['notifications@clinic.example'] })
const displayName = singleLine(255).meta({ examples: ['Medical Clinic'] })
const port = z.int().min(1).max(65_535)
const password = z.string().min(1).max(1024)

const domainName = z
  .string()
  .max(255)
  .regex(
    /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?$/i,
    'must be a domain name',
  )
/** RFC 8301: shorter keys are not accepted, and longer ones need not be; each mail that one of 8192 bits signs holds up the process for 0.1 s. */
const [leastKeyBits, mostKeyBits] = [1024, 4096]
const privateKey = z
  .string()
  .max(8192)
  .refine(
    (text) => text === secretMask || isSigningKey(text),
    `must be a private RSA key in PEM of ${leastKeyBits} to ${mostKeyBits} bits, without a passphrase: openssl genrsa 2048`,
  )

function isSigningKey(text: string): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails: { modulusLength = 0 } = {} } = createPrivateKey(text)
    return asymmetricKeyType === 'rsa' && modulusLength >= leastKeyBits && modulusLength <= mostKeyBits
  } catch {
    return false
  }
}

const wanted = 'an e-mail address such as "name@example.org"'

const fields = {
  host: {
    description:
      'Mail server. Null: the organization has none of its own, and the account of the host application is used',
    schema: host,
    account: true,
    replans: true,
    variable: 'DEFAULT_SMTP_HOST',
    column: 'emailSmtpHost',
  },
  port: {
    description: 'Port of the mail server. Default 587',
    schema: port,
    default: 587,
    isColumnDefault: true,
    account: true,
    variable: 'DEFAULT_SMTP_PORT',
    column: 'emailSmtpPort',
  },
  security: {
    description: 'Encryption. Null: TLS from the start on port 465, else STARTTLS as the transport decides',
    schema: z.enum(emailSecurities),
    account: true,
    isAudited: true,
    column: 'emailSmtpSecurity',
  },
  username: {
    description: 'User name at the mail server. Null: no sign-in',
    schema: username,
    account: true,
    replans: true,
    variable: 'DEFAULT_EMAIL_USERNAME',
    column: 'emailUsername',
  },
  password: {
    description: 'Password at the mail server. Encrypted at rest; shown as `********`',
    schema: password,
    account: true,
    isSecret: true,
    replans: true,
    variable: 'DEFAULT_EMAIL_PASSWORD',
    column: 'emailPassword',
    tiedTo: [{ fields: ['host', 'port', 'username'], words: 'SMTP host, port and username' }],
  },
  fromAddress: {
    description: 'Sender address. Null: the user name, if that is an address',
    schema: emailAddress,
    account: true,
    replans: true,
    variable: 'DEFAULT_EMAIL_FROM_ADDRESS',
    column: 'emailFromAddress',
  },
  fromName: {
    description: 'Sender name',
    schema: displayName,
    variable: 'DEFAULT_EMAIL_FROM_NAME',
    column: 'emailFromName',
  },
  dkimDomain: {
    description: 'Domain that signs the mail (DKIM), usually that of the sender address. Null: not signed here',
    schema: domainName,
    account: true,
    isAudited: true,
  },
  dkimSelector: {
    description: 'Selector of the public key: it is published at `selector._domainkey.domain`',
    schema: domainName,
    account: true,
    isAudited: true,
  },
  dkimPrivateKey: {
    description: 'Private RSA key in PEM. Encrypted at rest; shown as `********`',
    schema: privateKey,
    account: true,
    isSecret: true,
    tiedTo: [{ fields: ['dkimDomain', 'dkimSelector'], words: 'DKIM domain and selector' }],
  },
} as const satisfies AccountFields
type Values = ValuesOf<typeof fields>

/** E-mail, by SMTP. */
export const email = {
  name: 'EMAIL',
  words: { name: 'e-mail', one: 'an e-mail' },
  page: { name: 'page.email', otherAddress: 'page.other_address', input: 'email' },
  address: {
    schema: emailAddress,
    description: 'E-mail address in place of the one that your directory returns. Null: that one',
    wanted,
    read: readEmail,
    byCountry: false,
    countryOf: () => null,
    // Mailboxes differ in nothing but case in practice.
    key: (address: string) => address.toLowerCase(),
    of: ({ email: address }) => address,
    perRecipient: 'one',
  },
  content: {
    kind: 'text',
    subject: shortSubject,
    text: (facts: MessageFacts) => textOfDocument(letterOf(facts)),
    letter: letterOf,
    asks: false,
    test: (organization: string | null) => ({
      subject: 'Test message',
      text: [
        `This is a test message${organization === null ? '' : ` from ${organization}`}.`,
        'Somebody requested it to check that appointment notifications can be sent by e-mail. It is about no appointment, and there is nothing to do.',
      ].join('\n\n'),
    }),
    detail: 2,
    // More would fill nobody's letter.
    limit: { most: 512 * 1024, unit: 'bytes', sizeOf: (text: string) => new TextEncoder().encode(text).length },
    finish: (text: string, language: string, _keeps?: boolean, document?: MessageDocument) => ({
      text,
      html: document === undefined ? htmlOf(text, language) : documentHtml(document, language),
    }),
    cost: null,
  },
  account: {
    fields,
    transport: { name: 'smtp' },
    place: 'host',
    begun: ['host', 'username', 'password'],
    // Whoever wrote the rest of an account has forgotten where it is.
    withoutPlace: 'no_host',
    remedies: {
      no_account: {
        variables:
          'DEFAULT_SMTP_HOST and DEFAULT_EMAIL_FROM_ADDRESS; DEFAULT_EMAIL_USERNAME and DEFAULT_EMAIL_PASSWORD where the server asks for them',
      },
      no_sender: { field: 'fromAddress', variables: 'DEFAULT_EMAIL_FROM_ADDRESS' },
    },
    names: ({ fromAddress, fromName }: Values) => ({ from: fromAddress, fromName }),
    hasReplyTo: true,
    open(values: Values) {
      const { host, port, username, password, security, fromAddress } = values
      const from = fromAddress ?? (username?.includes('@') ? username : null)
      if (host === null) return 'no_host'
      if (from === null) return 'no_sender'
      const account: EmailAccount = { channel: 'EMAIL', host, port: port ?? fields.port.default, username, password }
      const dkim = signatureOf(values)
      return {
        account: { ...account, ...(security === null ? {} : { security }), ...(dkim === null ? {} : { dkim }) },
        from,
      }
    },
    credentials: ({ password, username, dkim }: EmailAccount) => [password, username, dkim?.privateKey ?? null],
  },
  // A bounce is a mail to the sender, and servers try for up to five days (RFC 5321).
  receipts: { reports: 'nothing_by_itself', withinHours: 120 },
  consent: 'inherited',
  quietHours: null,
  taskType: 'email',
  columns: {
    settings: { enabled: 'emailEnabled', reminders: 'defaultEmailReminders', templates: 'emailTemplates' },
    preferences: { enabled: 'emailEnabled', reminders: 'emailReminders', address: 'emailAddress' },
    history: 'recipientEmail',
  },
} as const satisfies ChannelDefinition<EmailAccount>

/** Null: something of it is missing, and the mail goes out unsigned. */
const signatureOf = ({ dkimDomain: domain, dkimSelector: selector, dkimPrivateKey: key }: Values) =>
  domain === null || selector === null || key === null ? null : { domain, selector, privateKey: key }
