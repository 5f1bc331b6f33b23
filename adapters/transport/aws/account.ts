import { TransportError } from '../../../src/errors.ts'
import type { Account, AccountFinding, SendContext } from '../../../src/index.ts'

export type AwsAccount = {
  /** Null: what the process runs with says it. */
  readonly region: string | null
  /** Null: the default chain of the SDK finds them. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null
  /** By which End User Messaging reports. */
  readonly configurationSet: string | null
}

/**
 * Only the host application's own account may do without key, secret or region: the process that runs this library has them.
 * @throws TransportError if sending was aborted before it began, or the account is none of AWS.
 */
export function accountOf({ account, signal, trusted }: SendContext): AwsAccount {
  if (signal.aborted) {
    throw new TransportError('Sending was aborted before it began.', { outcome: 'transient', code: 'aws_aborted' })
  }
  if (account?.channel !== 'SMS') throw unusable('There is no account of AWS for SMS.', 'aws_account')
  const { apiKey, apiSecret, region = null, configurationSet = null } = account
  if (region === null && !trusted) throw unusable('The account has no AWS region.', 'aws_region')
  const place = { region, configurationSet }
  if (apiKey === null && apiSecret === null && trusted) return { ...place, credentials: null }
  // The key becomes part of a header.
  if (apiKey !== null && apiSecret && /^\w{16,128}$/.test(apiKey)) {
    return { ...place, credentials: { accessKeyId: apiKey, secretAccessKey: apiSecret } }
  }
  throw unusable('The account has no access key id and secret access key of AWS.', 'aws_account')
}

/** What an organization's account lacks. */
export function findingsOf(account: Account): readonly AccountFinding[] {
  if (account.channel !== 'SMS' || account.region !== undefined) return []
  return [{ field: 'region', code: 'aws_region', message: 'is missing: AWS needs a region', isCertain: false }]
}

/** The credentials or the sender cannot be used at all: every message would fail like this one. */
export function unusable(sentence: string, code: string): TransportError {
  return new TransportError(sentence, { outcome: 'permanent', scope: 'account', code })
}

/** A number or a short code; anything else is the name that carriers show. */
export const isNumber = (sender: string): boolean => /^\+?\d+$/.test(sender)
