import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** A signed request of Twilio. */
export type SignedRequest = {
  /** The header `X-Twilio-Signature`. */
  readonly signature: string
  /**
   * The whole URL as given to Twilio, including the query. Build it from your configured public URL: behind a
   * proxy, the Host header and the scheme of the request may differ.
   */
  readonly url: string
  /** All fields of the form in the body, also those that you do not know; a list where one is repeated. */
  readonly params: Readonly<Record<string, string | readonly string[]>>
}

/**
 * Whether Twilio signed a request. The signature has no timestamp: a request that is sent again is signed as well as before, so what it
 * says must be harmless the second time, as it is to `recordReceipt`.
 */
export function validateTwilioSignature(authToken: string, { signature, url, params }: SignedRequest): boolean {
  const fields = Object.keys(params)
    .sort()
    .map((name) =>
      valuesOf(params[name])
        .map((value) => `${name}${value}`)
        .join(''),
    )
    .join('')
  const given = Buffer.from(signature)
  let isSigned = false
  for (const one of urlsOf(url)) {
    const expected = Buffer.from(createHmac('sha1', authToken).update(`${one}${fields}`).digest('base64'))
    isSigned = (given.length === expected.length && timingSafeEqual(given, expected)) || isSigned
  }
  return isSigned
}

/** Of a body that is no form Twilio signs the URL alone, which has the hash of the body in its query. */
export function validateTwilioBody(
  authToken: string,
  request: Omit<SignedRequest, 'params'>,
  body: Uint8Array,
): boolean {
  const wanted = URL.parse(request.url)?.searchParams.get('bodySHA256')
  if (wanted == null) return false
  const found = Buffer.from(createHash('sha256').update(body).digest('hex'))
  const given = Buffer.from(wanted.toLowerCase())
  const isBody = given.length === found.length && timingSafeEqual(given, found)
  return validateTwilioSignature(authToken, { ...request, params: {} }) && isBody
}

/** A field that is repeated counts each of its values once, in order. */
const valuesOf = (value: string | readonly string[] | undefined): readonly string[] =>
  typeof value === 'string' ? [value] : [...new Set(value)].sort()

/** As configured, and with and without the standard port: Twilio adds and leaves it out by rules of its own. A fragment is not requested. */
function urlsOf(text: string): ReadonlySet<string> {
  const [plain = ''] = text.split('#')
  const [, scheme = '', authority = '', rest = ''] = /^(https?:)\/\/([^/?]*)(.*)$/i.exec(plain) ?? []
  if (scheme === '') return new Set([plain])
  const port = scheme.toLowerCase() === 'https:' ? ':443' : ':80'
  const bare = authority.replace(/:\d*$/, '')
  const other = authority === bare ? `${bare}${port}` : bare
  return new Set([plain, `${scheme}//${other}${rest}`])
}
