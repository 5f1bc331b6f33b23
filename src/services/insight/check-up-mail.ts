import { Resolver } from 'node:dns/promises'
import { email } from '../../channels/email.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import { channelSettings } from '../../schemas/channel-settings.ts'
import type { Context } from '../shared/context.ts'
import type { Finding } from './check-up-table.ts'

export type MailDomainOptions = {
  /** Name servers to ask, as `address` or `address:port`. Default: those of this machine. */
  readonly servers?: readonly string[]
  /**
   * The selectors that your mail provider signs with (DKIM): a domain needs the key of one of them. Those of accounts that sign by themselves are
   * known. Default: none, and DKIM of the other domains is not checked.
   */
  readonly dkimSelectors?: readonly string[]
}

type MailSender = {
  /** In use. */
  readonly address: string
  /** Where the key of its account is published; null: the mail server signs, if anybody. */
  readonly key: string | null
  /** The domain to which its mail comes back, where that is one of its own. */
  readonly envelope: string | null
}

/** How long a name server may take, and how often it is asked. */
const patience = { timeout: 1500, tries: 2 }
const mostDomains = 200
const maxShown = 20
const pageSize = 500
const { name: channel } = email

/** Of all accounts of an organization; null: of all organizations that send mail, and of the host application. */
export async function mailSenders(context: Context, organizationId: string | null): Promise<readonly MailSender[]> {
  const { settings } = context.options.storage
  if (organizationId !== null) {
    const [row = null] = await settings.get([organizationId])
    return sendersOf(context, row)
  }
  const found = [...sendersOf(context, null)]
  for (let after: string | null = null; ; ) {
    const page: readonly SettingsRow[] = await settings.list(after, pageSize)
    for (const row of page) if (channelSettings(row, channel).enabled) found.push(...sendersOf(context, row))
    const last = page.at(-1)
    if (last === undefined || page.length < pageSize) return found
    after = last.organizationId
  }
}

function sendersOf({ providers }: Context, row: SettingsRow | null): MailSender[] {
  return providers.find(row, channel).flatMap(({ sender }): MailSender[] => {
    if (typeof sender === 'string' || sender.from === null) return []
    const { account, from: address, trusted, transport } = sender
    const dkim = account?.channel === channel ? account.dkim : undefined
    const key = dkim === undefined ? null : `${dkim.selector}._domainkey.${dkim.domain}`
    return [{ address, key, envelope: (trusted ? transport.envelopeDomain : undefined) ?? null }]
  })
}

/** What receivers look at before they accept mail of these senders: that the domain exists, SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489). */
export async function mailDomainFindings(
  senders: readonly MailSender[],
  { servers, dkimSelectors = [] }: MailDomainOptions,
): Promise<Finding[]> {
  const resolver = new Resolver(patience)
  if (servers !== undefined) resolver.setServers(servers)
  const domains = Map.groupBy(senders, ({ address }) => address.slice(address.lastIndexOf('@') + 1).toLowerCase())
  const asked = [...domains].slice(0, mostDomains)
  const envelopes = new Set(senders.flatMap(({ envelope }) => envelope ?? []))
  const found = (
    await Promise.all([
      ...asked.map((one) => ofDomain(resolver, one, dkimSelectors)),
      ...[...envelopes].filter((one) => !domains.has(one)).map((one) => ofEnvelope(resolver, one)),
    ])
  ).flat()
  const unsigned = asked.filter(([, of]) => of.some(({ key }) => key === null)).map(([domain]) => domain)
  if (dkimSelectors.length === 0 && unsigned.length > 0) {
    const cause = `The keys of ${unsigned.slice(0, maxShown).join(', ')} (DKIM) were not checked: they are found by a selector.`
    found.push(['dkim_unchecked', { channel, cause }])
  }
  if (domains.size > asked.length) {
    const cause = `${domains.size - asked.length} more domains of senders were not looked at.`
    found.push(['domains_unchecked', { channel, cause }])
  }
  return found
}

async function ofDomain(
  resolver: Resolver,
  [domain, senders]: readonly [string, readonly MailSender[]],
  selectors: readonly string[],
): Promise<Finding[]> {
  const [own, dmarc] = await Promise.all([
    texts(resolver, domain),
    above(domain, (name) => has(resolver, `_dmarc.${name}`, /^v=DMARC1\b/i)),
  ])
  if (own === 'failed' || dmarc === 'failed') return [unanswered(domain)]
  if (own === 'unknown') {
    return [['domain_unknown', { channel, cause: `The domain ${domain} of a sender does not exist.` }]]
  }
  const findings: Finding[] = []
  if (!own.some(isSpf)) {
    const cause = `The domain ${domain} does not name the servers that may send its mail (SPF).`
    findings.push(['spf_missing', { channel, cause }])
  }
  if (dmarc === 'missing') {
    const cause = `The domain ${domain} does not say what becomes of forged mail (DMARC), which large mailboxes ask for.`
    findings.push(['dmarc_missing', { channel, cause }])
  }
  return [...findings, ...(await ofKeys(resolver, domain, senders, selectors))]
}

/** SPF is looked for at the domain of the envelope sender, and not at that of the address that people see (RFC 7208, section 2.4). */
async function ofEnvelope(resolver: Resolver, domain: string): Promise<Finding[]> {
  const own = await texts(resolver, domain)
  if (own === 'failed') return [unanswered(domain)]
  if (own === 'unknown') {
    return [
      ['domain_unknown', { channel, cause: `The domain ${domain}, to which bounced mail returns, does not exist.` }],
    ]
  }
  if (own.some(isSpf)) return []
  const cause = `The domain ${domain}, to which bounced mail returns, does not name the servers that may send its mail (SPF).`
  return [['spf_missing', { channel, cause }]]
}

const isSpf = (text: string): boolean => /^v=spf1( |$)/i.test(text)

const unanswered = (domain: string): Finding => [
  'dns_failing',
  { channel, cause: `The name servers do not answer about ${domain}.` },
]

/** A key without content is one that was revoked. */
const publishedKey = /(?:^|;)\s*p=\s*[A-Za-z0-9+/]/

async function ofKeys(
  resolver: Resolver,
  domain: string,
  senders: readonly MailSender[],
  selectors: readonly string[],
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const key of new Set(senders.flatMap(({ key: name }) => name ?? []))) {
    const answer = await has(resolver, key, publishedKey)
    if (answer === 'missing') {
      const cause = `Mail of ${domain} is signed with a key that is not published at ${key} (DKIM).`
      findings.push(['dkim_missing', { channel, cause }])
    }
  }
  if (selectors.length === 0 || senders.every(({ key }) => key !== null)) return findings
  const answers = await Promise.all(
    selectors.map((selector) => above(domain, (name) => has(resolver, `${selector}._domainkey.${name}`, publishedKey))),
  )
  if (answers.every((answer) => answer === 'missing')) {
    const cause = `The domain ${domain} publishes no key at ${selectors.map((one) => `${one}._domainkey.${domain}`).join(', ')} (DKIM).`
    findings.push(['dkim_missing', { channel, cause }])
  }
  return findings
}

type Answer = 'failed' | 'missing' | 'found'

/** Of the domain, or of one that it is below: these may answer for it (RFC 7489, sections 3.1 and 6.6.3). */
async function above(domain: string, ask: (name: string) => Promise<Answer>): Promise<Answer> {
  const labels = domain.split('.')
  for (let from = 0; from <= labels.length - 2; from++) {
    const answer = await ask(labels.slice(from).join('.'))
    if (answer !== 'missing') return answer
  }
  return 'missing'
}

async function has(resolver: Resolver, name: string, record: RegExp): Promise<Answer> {
  const answer = await texts(resolver, name)
  if (answer === 'failed') return answer
  return answer !== 'unknown' && answer.some((text) => record.test(text)) ? 'found' : 'missing'
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
