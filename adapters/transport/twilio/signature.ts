import { loadTwilio } from './sdk.ts'

export type SignedRequest = {
  /** The header `X-Twilio-Signature`. */
  readonly signature: string
  /**
   * The whole URL as Twilio was given it, with its query: made of the public base URL that is configured, since behind
   * a proxy the Host header and the scheme of the request are others.
   */
  readonly url: string
  /** The parsed form. */
  readonly params: Readonly<Record<string, string>>
}

/**
 * Whether Twilio signed a request, by the SDK. There is no timestamp in the signature: whoever acts on a request
 * remembers (MessageSid, MessageStatus), so that a replay changes nothing.
 * @throws NotificationError `dependency_missing` when twilio is not installed.
 */
export async function validateTwilioSignature(
  authToken: string,
  { signature, url, params }: SignedRequest,
): Promise<boolean> {
  const sdk = await loadTwilio()
  return sdk.validateRequest(authToken, signature, url, { ...params })
}
