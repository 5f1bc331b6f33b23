import { lookup as dnsLookup } from 'node:dns/promises'
// BlockList is Node's own CIDR matcher: no dependency to trust, and it knows an IPv4 address inside an IPv6 one.
import { BlockList, isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { NotificationError } from '../errors.ts'

/** All addresses of a host name. Rejects like `dns.lookup` when there are none. */
export type HostLookup = (host: string) => Promise<readonly { readonly address: string }[]>

/** Which hosts and ports are allowed. */
export type OutboundRules = {
  /** True lets private, loopback and reserved addresses through: for development, or a relay in the host's own network. */
  readonly allowPrivate: boolean
  /** Ports that may be connected to. Default 25, 465, 587 and 2525; with `allowPrivate`, any port of a private address. */
  readonly allowedPorts?: readonly number[]
  /** Resolves names. Default `dns.lookup`, which is what a connection by name would use. */
  readonly lookup?: HostLookup
  /** How long resolving may take, in ms; the system's resolver may try for minutes. Default 10000. */
  readonly lookupTimeoutMs?: number
}

/** Where to connect to. */
export type OutboundTarget = {
  /**
   * The checked addresses, at least one, in the order of the lookup. Connect to these, never to the name: a second
   * resolution may answer differently.
   */
  readonly addresses: readonly string[]
  /** The host name for SNI and the certificate; equal to the address where the host is one. */
  readonly servername: string
}

export const smtpPorts: readonly number[] = [25, 465, 587, 2525]

/**
 * Resolves a host name entered by an organization, once, and checks all of its addresses.
 * @throws NotificationError `outbound_refused` (field `emailSmtpHost` or `emailSmtpPort`); the message does not reveal
 * what the name resolved to, or whether it exists, so it cannot be used to probe a private network.
 */
export async function resolveOutbound(host: string, port: number, rules: OutboundRules): Promise<OutboundTarget> {
  const ports = rules.allowedPorts ?? smtpPorts
  const isListed = ports.includes(port)
  // A test server on this machine listens on any free port, and once private addresses are allowed, ports protect nothing.
  const isFree = rules.allowPrivate && rules.allowedPorts === undefined && port > 0 && port < 65_536
  if (!isListed && !isFree) throw portRefused(ports)
  const name = canonicalHost(host)
  if (name === null) throw hostRefused()
  const literal = isIP(name) !== 0
  if (!rules.allowPrivate && !literal && isLocalName(name)) throw hostRefused()
  const found = literal ? [{ address: name }] : await lookUp(name, rules).catch(unresolved)
  if (found.length === 0) throw hostRefused()
  // One private address among public ones is an attack or a mistake, and we do not control which is tried first.
  if (!rules.allowPrivate && !found.every(({ address }) => isPublicAddress(address))) throw hostRefused()
  if (!isListed && found.some(({ address }) => isPublicAddress(address))) throw portRefused(ports)
  return { addresses: found.map(({ address }) => address), servername: name }
}

const portRefused = (ports: readonly number[]): NotificationError =>
  new NotificationError('outbound_refused', `emailSmtpPort must be one of ${ports.join(', ')}.`, {
    field: 'emailSmtpPort',
  })

/** True for an address of the public internet; false for everything private, local, reserved, embedded or malformed. */
export function isPublicAddress(address: string): boolean {
  // Only a local address has a zone (`fe80::1%eth0`).
  const family = address.includes('%') ? 0 : isIP(address)
  if (family === 4) return !reservedIpv4.check(address, 'ipv4')
  // Of IPv6 only 2000::/3 is allocated to the public. That excludes ::, ::1, fc00::/7, fe80::/10, ff00::/8, IPv4-mapped
  // addresses (::ffff:0:0/96) and NAT64 (64:ff9b::/96), through which a private IPv4 address could be reached.
  if (family === 6) return globalIpv6.check(address, 'ipv6') && !reservedIpv6.check(address, 'ipv6')
  return false
}

const reservedIpv4 = subnets('ipv4', [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // Azure's wire server, the one metadata address among public ones
  ['169.254.0.0', 16], // link-local, cloud metadata
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
])
const globalIpv6 = subnets('ipv6', [['2000::', 3]])
const reservedIpv6 = subnets('ipv6', [
  ['2001::', 23], // protocol assignments, Teredo (holds IPv4)
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4 (holds IPv4), retired
  ['3fff::', 20], // documentation
])

function subnets(family: 'ipv4' | 'ipv6', list: readonly (readonly [network: string, prefix: number])[]): BlockList {
  const block = new BlockList()
  for (const [network, prefix] of list) block.addSubnet(network, prefix, family)
  return block
}

/**
 * The host as the resolver would understand it, or null. The URL host parser reads IPv4 in its decimal, octal, hex and
 * short forms (`2130706433`, `0177.0.0.1`, `0x7f.1`) and folds look-alike digits, so none of them hides an address.
 */
function canonicalHost(host: string): string | null {
  const bare = host.replace(/^\[(.+)\]$/, '$1').replace(/(?<!\.)\.+$/, '')
  if (isIP(bare) !== 0) return bare
  if (!/^[\p{L}\p{N}\p{M}._-]{1,255}$/u.test(bare)) return null
  return domainToASCII(bare) || null
}

const isLocalName = (name: string): boolean => name === 'localhost' || name.endsWith('.localhost')

const lookupAll: HostLookup = (host) => dnsLookup(host, { all: true })

/** Uses real time, since it waits for a socket. Rejects with a `TimeoutError`. */
async function lookUp(
  host: string,
  { lookup = lookupAll, lookupTimeoutMs = 10_000 }: OutboundRules,
): ReturnType<HostLookup> {
  const signal = AbortSignal.timeout(lookupTimeoutMs)
  const late = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  return Promise.race([(async () => lookup(host))(), late])
}

function unresolved(error: unknown): never {
  throw hostRefused(error)
}

function hostRefused(cause?: unknown): NotificationError {
  return new NotificationError(
    'outbound_refused',
    'emailSmtpHost must be on the public internet: it does not resolve now, or resolves to a private, loopback or reserved address.',
    { field: 'emailSmtpHost', ...(cause !== undefined && { cause }) },
  )
}
