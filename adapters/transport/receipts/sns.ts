import { verify, X509Certificate } from 'node:crypto'
import { isNotificationError, NotificationError } from '../../../src/errors.ts'
import type { InboundMessage, ProviderReport, ReceiptReader, WebhookAccount } from '../../../src/index.ts'

/** A message of a topic whose signature and topic were verified. */
export type SnsMessage = {
  readonly topicArn: string
  /** The message as it was published, often JSON. */
  readonly message: string
  readonly timestamp: Date
}

/** Options of `sns()`. */
export type SnsOptions = {
  /**
   * ARNs of the topics that may report. A list is for the host application's own account; a function returns those of the
   * account given. Required, because anybody at AWS can sign messages of a topic of their own.
   */
  readonly topics: readonly string[] | ((account: WebhookAccount) => readonly string[] | Promise<readonly string[]>)
  /** True: subscriptions of these topics are confirmed automatically. False: you confirm them. Default true. */
  readonly confirm?: boolean
  /** Downloads certificates and confirms subscriptions; for proxies and tests. Default: the runtime's `fetch`. */
  readonly fetch?: typeof fetch
}

/** Fields that are signed, in their order. */
const signed = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
} as const
type Type = keyof typeof signed

const isType = (text: string | undefined): text is Type => text !== undefined && Object.hasOwn(signed, text)

/** How old a message may be: SNS retries for up to an hour by default, and for weeks where its policy says so. Reports are harmless twice. */
const maxAgeMs = 4 * 7 * 24 * 3_600_000
const aheadMs = 300_000

/**
 * Reads HTTPS notifications of Amazon SNS, of both signature versions. (Their `Content-Type` is `text/plain`, whatever they
 * contain.) `read` returns the reports in a message, `hear` the texts from people in it; both return an empty list for what
 * they do not recognize.
 */
export function sns(
  options: SnsOptions,
  read: (message: SnsMessage) => readonly ProviderReport[],
  hear: (message: SnsMessage) => readonly InboundMessage[] = () => [],
): ReceiptReader {
  const { topics, confirm = true, fetch: get = fetch } = options
  const certificates = new Certificates(get)
  return async ({ body, now, signal }, account) => {
    const fields = fieldsOf(body)
    const topicArn = fields?.['TopicArn']
    const type = fields?.['Type']
    if (fields === null || topicArn === undefined || !isType(type)) return { kind: 'refused', reason: 'unsigned' }
    // First: so nobody else makes this process get certificates.
    const isOwners = account.organizationId === null
    const listed = typeof topics === 'function' ? await topics(account) : isOwners ? topics : []
    if (!listed.includes(topicArn)) return { kind: 'refused', reason: 'foreign' }
    if (!(await isSigned(fields, type, certificates, now, signal))) return { kind: 'refused', reason: 'unsigned' }
    const timestamp = new Date(fields['Timestamp'] ?? '')
    const ageMs = now.getTime() - timestamp.getTime()
    if (!(ageMs <= maxAgeMs && ageMs >= -aheadMs)) return { kind: 'refused', reason: 'stale' }
    if (type === 'SubscriptionConfirmation' && confirm) await confirmed(topicArn, fields['Token'] ?? '', get, signal)
    if (type !== 'Notification') return { kind: 'read', reports: [] }
    const message = { topicArn, message: fields['Message'] ?? '', timestamp }
    return { kind: 'read', reports: read(message), inbound: hear(message) }
  }
}

/** The fields that are text, as all signed ones are; null: it is no JSON object. */
function fieldsOf(body: Uint8Array): Readonly<Record<string, string | undefined>> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'))
    if (typeof value !== 'object' || value === null) return null
    return Object.fromEntries(Object.entries(value).filter(([, one]) => typeof one === 'string'))
  } catch {
    return null
  }
}

/** By signature version. */
const algorithms: ReadonlyMap<string, string> = new Map([
  ['1', 'sha1'],
  ['2', 'sha256'],
])

async function isSigned(
  fields: Readonly<Record<string, string | undefined>>,
  type: Type,
  certificates: Certificates,
  now: Date,
  signal: AbortSignal,
): Promise<boolean> {
  const algorithm = algorithms.get(fields['SignatureVersion'] ?? '')
  const place = certificatePlace(fields['SigningCertURL'] ?? '', fields['TopicArn'] ?? '')
  if (algorithm === undefined || place === null) return false
  const certificate = await certificates.get(place, signal)
  if (now < new Date(certificate.validFrom) || now > new Date(certificate.validTo)) return false
  const text = signed[type]
    .flatMap((name) => (fields[name] === undefined ? [] : [`${name}\n${fields[name]}\n`]))
    .join('')
  return verify(algorithm, Buffer.from(text), certificate.publicKey, Buffer.from(fields['Signature'] ?? '', 'base64'))
}

/** What SNS names its certificates: nothing else is looked for at its hosts. */
const certificateName = /^\/SimpleNotificationService-[0-9A-Za-z]{1,64}\.pem$/

/** Where the certificate for a topic may be: at SNS of its region; null: anywhere else. The parsed host is compared, whole. */
function certificatePlace(text: string, topicArn: string): URL | null {
  const url = URL.parse(text)
  if (url === null || url.protocol !== 'https:' || url.port !== '' || url.username !== '' || url.password !== '')
    return null
  if (url.hostname !== hostOf(topicArn)) return null
  return url.search === '' && url.hash === '' && certificateName.test(url.pathname) ? url : null
}

/** SNS of a topic's region, as `sns.eu-west-1.amazonaws.com`; null: it is no topic. */
function hostOf(topicArn: string): string | null {
  const [, partition = '', service, region = ''] = topicArn.split(':')
  if (service !== 'sns' || !/^[a-z]{2}(?:-[a-z]+)+-\d{1,2}$/.test(region)) return null
  return `sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`
}

const mostCertificates = 20
const certificateBytes = 16 * 1024

/** Certificates by their URLs; SNS has one a region, and replaces it once in a while. */
class Certificates {
  readonly #get: typeof fetch
  readonly #known = new Map<string, Promise<X509Certificate>>()

  constructor(get: typeof fetch) {
    this.#get = get
  }

  /** @throws NotificationError `host_timeout` if it cannot be had: the provider tries again. */
  get(url: URL, signal: AbortSignal): Promise<X509Certificate> {
    const known = this.#known.get(url.href)
    if (known !== undefined) return known
    const found = this.#load(url, signal)
    this.#known.set(url.href, found)
    found.catch(() => this.#known.delete(url.href))
    const [oldest] = this.#known.keys()
    if (this.#known.size > mostCertificates && oldest !== undefined) this.#known.delete(oldest)
    return found
  }

  async #load(url: URL, signal: AbortSignal): Promise<X509Certificate> {
    const text = await requested(this.#get, url, signal)
    try {
      return new X509Certificate(text)
    } catch {
      throw unavailable('answered with no certificate')
    }
  }
}

/** A short text, without redirects. */
async function requested(get: typeof fetch, url: URL, signal: AbortSignal): Promise<string> {
  try {
    const response = await get(url, { redirect: 'error', signal: AbortSignal.any([signal, AbortSignal.timeout(5000)]) })
    if (!response.ok || response.body === null) throw unavailable(`answered with ${response.status}`)
    const parts: Uint8Array[] = []
    let length = 0
    for await (const part of response.body) {
      length += part.byteLength
      if (length > certificateBytes) throw unavailable('answered with too much')
      parts.push(part)
    }
    return Buffer.concat(parts).toString('utf8')
  } catch (error) {
    throw isNotificationError(error) ? error : unavailable('did not answer', error)
  }
}

const unavailable = (what: string, cause?: unknown): NotificationError =>
  new NotificationError('host_timeout', `Amazon SNS ${what}.`, cause === undefined ? {} : { cause })

/** Asks the topic itself, whose region its ARN names: the `SubscribeURL` of a message is not followed. */
async function confirmed(topicArn: string, token: string, get: typeof fetch, signal: AbortSignal): Promise<void> {
  const host = hostOf(topicArn)
  if (host === null) return
  const url = new URL(`https://${host}/`)
  url.search = new URLSearchParams({ Action: 'ConfirmSubscription', TopicArn: topicArn, Token: token }).toString()
  await requested(get, url, signal)
}
