import { loadTwilio } from './sdk.ts'

export type SignedRequest = {
  /** The header `X-Twilio-Signature`. */
  readonly signature: string
  /**
   * The whole URL as given to Twilio, including the query. Build it from your configured public URL: behind a
   * proxy, the Host header and the scheme of the request may differ.
   */
  readonly url: string
  /** The fields of the form in the body. */
  readonly params: Readonly<Record<string, string>>
}

/**
 * Whether Twilio signed a request, according to its SDK. The signature has no timestamp: remember each (MessageSid,
 * MessageStatus) that you act on, so that a replayed request changes nothing.
 * @throws NotificationError `dependency_missing` if twilio is not installed.
 */
export async function validateTwilioSignature(
  authToken: string,
  { signature, url, params }: SignedRequest,
): Promise<boolean> {
  const sdk = await loadTwilio()
  return sdk.validateRequest(authToken, signature, url, { ...params })
}
