import { Resolver } from 'node:dns/promises'
import { email } from '../../channels/email.ts'
import type { Finding } from './check-up-table.ts'

export type MailDomainOptions = {
  /** Name servers to ask, as `address` or `address:port`. Default: those of this machine. */
  readonly servers?: readonly string[]
}

/** How long a name server may take, and how often it is asked. */
const patience = { timeout: 1500, tries: 2 }
const mostDomains = 50
const { name: channel } = email

/** What receivers look at before they accept mail of these senders: that the domain exists, SPF (RFC 7208), and DMARC (RFC 7489). */
export async function mailDomainFindings(
  senders: readonly string[],
  { servers }: MailDomainOptions,
): Promise<Finding[]> {
  const resolver = new Resolver(patience)
  if (servers !== undefined) resolver.setServers(servers)
  const domains = [...new Set(senders.map((sender) => sender.slice(sender.lastIndexOf('@') + 1).toLowerCase()))]
  const found = await Promise.all(domains.slice(0, mostDomains).map((domain) => ofDomain(resolver, domain)))
  return found.flat()
}

async function ofDomain(resolver: Resolver, domain: string): Promise<Finding[]> {
  const [own, dmarc] = await Promise.all([texts(resolver, domain), organizational(resolver, domain)])
  if (own === 'failed' || dmarc === 'failed') {
    return [['dns_failing', { channel, cause: `The name servers do not answer about ${domain}.` }]]
  }
  if (own === 'unknown') {
    return [['domain_unknown', { channel, cause: `The domain ${domain} of a sender does not exist.` }]]
  }
  const findings: Finding[] = []
  if (!own.some((text) => /^v=spf1( |$)/i.test(text))) {
    const cause = `The domain ${domain} does not name the servers that may send its mail (SPF).`
    findings.push(['spf_missing', { channel, cause }])
  }
  if (dmarc === 'unknown') {
    const cause = `The domain ${domain} does not say what becomes of forged mail (DMARC), which large mailboxes ask for.`
    findings.push(['dmarc_missing', { channel, cause }])
  }
  return findings
}

/** The DMARC record of the domain, or of one that it is below (RFC 7489, section 6.6.3). */
async function organizational(resolver: Resolver, domain: string): Promise<'failed' | 'unknown' | 'found'> {
  const labels = domain.split('.')
  for (let from = 0; from <= labels.length - 2; from++) {
    const answer = await texts(resolver, `_dmarc.${labels.slice(from).join('.')}`)
    if (answer === 'failed') return answer
    if (answer !== 'unknown' && answer.some((text) => /^v=DMARC1\b/i.test(text))) return 'found'
  }
  return 'unknown'
}

/** `unknown`: there is no such name. */
async function texts(resolver: Resolver, name: string): Promise<readonly string[] | 'failed' | 'unknown'> {
  try {
    return (await resolver.resolveTxt(name)).map((parts) => parts.join(''))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    return code === 'ENODATA' ? [] : code === 'ENOTFOUND' ? 'unknown' : 'failed'
  }
}
