import { isIP } from 'node:net'
import type { EmailAccount, EmailSecurity } from '../../../src/index.ts'
import { isPublicAddress } from '../../../src/security/outbound-guard.ts'
import { account as accountFault } from './failures.ts'

export type EncryptionRules = {
  /**
   * True refuses servers that do not encrypt, whatever an account asks for. False allows passwords to be sent in the
   * clear. Default: a password goes in the clear to private addresses only, since on the way to a server of the public
   * internet somebody could remove STARTTLS from its offer; where that is not offered, the code is `smtp_starttls`.
   * Addresses that only `allowPrivateHosts` lets through are private. The host of the host application's own account is
   * not resolved for this: it counts as private if it is a private address, a name without a dot, or a name that ends
   * in `.localhost`, `.local`, `.internal` or `.home.arpa`.
   */
  readonly requireTls?: boolean
  /**
   * How the host application's own account (`DEFAULT_*`) is encrypted: `implicit` (TLS from the start, on any port),
   * `required` (STARTTLS or nothing is sent), `opportunistic` (STARTTLS if the server offers it) or `off`. Default:
   * `implicit` on port 465; else `required` where a password would go to the public internet, and `opportunistic`
   * otherwise. `requireTls` comes first.
   */
  readonly security?: EmailSecurity
}

/** The code of an account that asks for what would show its password. */
export const cleartext = 'smtp_cleartext'

/** @throws TransportError when the account asks for what would show its password. */
export function encryptionOf(
  rules: EncryptionRules,
  account: EmailAccount,
  { trusted, addresses }: { readonly trusted: boolean; readonly addresses: readonly string[] },
): EmailSecurity {
  const asked = account.security ?? (trusted ? rules.security : undefined)
  if (asked === 'implicit' || (asked === undefined && account.port === 465)) return 'implicit'
  if (asked === 'required' || rules.requireTls === true) return 'required'
  const isPrivate = trusted ? isPrivateHost(account.host) : !addresses.some(isPublicAddress)
  if (account.username === null || isPrivate || rules.requireTls === false) return asked ?? 'opportunistic'
  if (asked === 'off') throw accountFault(inTheClear, cleartext, 'permanent')
  return 'required'
}

/** Names that no public DNS has: an answer of the DNS must not decide whether a password may be read on its way. */
const privateName = /^[^.]+\.?$|\.(?:localhost|local|internal|home\.arpa)\.?$/i

const isPrivateHost = (host: string): boolean => (isIP(host) === 0 ? privateName.test(host) : !isPublicAddress(host))

const inTheClear =
  'The account is set to send without encryption, which would expose its password. Use STARTTLS or TLS from the start; smtp({ requireTls: false }) allows unencrypted passwords.'
