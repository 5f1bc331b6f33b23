import { createHash } from 'node:crypto'
import { type Channel, channelOf } from '../../channels/index.ts'
import { NotificationError } from '../../errors.ts'
import { wordsOf } from '../../messages/index.ts'
import type { LinkRow } from '../../ports/storage.ts'
import { fieldInvalid, refKey } from '../../schemas/common.ts'
import { loadNumberingPlans } from '../../schemas/phone-number.ts'
import type { PreferenceRef } from '../../schemas/preferences.ts'
import type { SecretContext } from '../../security/secret-box.ts'
import { messageBy, sendNow } from '../shared/accounts/provider-calls.ts'
import type { Context } from '../shared/context.ts'
import { Knowledge, ownAddress } from '../shared/knowledge.ts'
import { KnownAddresses } from '../shared/known-addresses.ts'

/** How many addresses somebody can have proven in a day: each costs a message, to whomever the address belongs. */
const mostADay = 3
const dayMs = 86_400_000

export type ProofRequest = {
  readonly organizationId: string
  readonly ref: PreferenceRef
  readonly channel: Channel
  /** As the person wrote it. */
  readonly written: string
}

/** `sent`: a message with a link is under way. `later`: not today. `unsent`: no message could be sent there. */
export type ProofResult = 'sent' | 'later' | 'unsent'

/**
 * Sends a message with a link to an address that a person gave; it is used once the link was opened and the address confirmed. Until
 * then the one before is.
 * @throws NotificationError `invalid_input`: the address cannot be used.
 */
export async function beginProof(context: Context, request: ProofRequest): Promise<ProofResult> {
  const { organizationId, ref, channel, written } = request
  const { options, links, secrets, providers } = context
  const { storage, clock } = options
  const [[settings = null]] = await Promise.all([storage.settings.get([organizationId]), loadNumberingPlans()])
  const { address: rules, content } = channelOf(channel)
  const read = rules.read(written, settings?.defaultCountry ?? null)
  if (read.address === null) throw fieldInvalid('address', `must be ${rules.wanted}: it ${read.fault}`)
  const { address } = read
  const provider = providers.sender(settings, channel)
  if (links.base === null || secrets === null || provider === null || content.kind !== 'text') return 'unsent'
  const own = ownAddress(context, settings, organizationId, channel, address)
  // Whoever refused messages there gets none to prove it either.
  if ((await KnownAddresses.load(storage.addresses, [own])).suppression(own) !== null) return 'unsent'
  const person = await context.host.recipient(ref)
  if (person === null || person.organizationId !== organizationId) return 'unsent'
  const now = clock.now()
  const contact = secrets.seal(address, sealedAs(organizationId))
  const link = await freeSlot(context, request, { address, contact, now })
  if (link === null) return 'later'
  const knowledge = await Knowledge.load(context, [{ organizationId, recipients: [person] }])
  const wording = knowledge.wording(organizationId, knowledge.localeOf(organizationId, person))
  const organizationName = knowledge.organization(organizationId)?.name ?? null
  const words = wordsOf({
    ...nothingKnown,
    organizationName,
    videoLink: link.url,
    locale: wording.locale,
    wording,
    now,
  })
  const text = words.say('sms', { sentence: words.say('proof.text') })
  const message = messageBy(provider, organizationName, {
    idempotencyKey: createHash('sha256').update(link.rows[0].hash).digest('hex').slice(0, 40),
    organizationId,
    channel,
    to: address,
    subject: content.subject === null ? null : words.say('page.contact'),
    ...content.finish(text, words.language),
    template: null,
  })
  const failure = await sendNow(options, provider, message)
  return failure === null || failure.isUnknown ? 'sent' : 'unsent'
}

const nothingKnown = {
  category: 'REMINDER',
  start: null,
  durationMinutes: null,
  practitionerName: null,
  location: null,
  recipientName: null,
  patientName: null,
} as const

const sealedAs = (organizationId: string): SecretContext => ({
  organizationId,
  table: 'notification_links',
  column: 'contact',
})

type Claim = { readonly address: string; readonly contact: string; readonly now: Date }

/**
 * A link of the address in the first of the day's places that is not taken; null: all are. The place is taken by a row of its own,
 * so that a link that was used frees none, and no link proves another address than the one that it was sent to.
 */
async function freeSlot({ options, links }: Context, request: ProofRequest, { address, contact, now }: Claim) {
  const { storage } = options
  const { organizationId, ref, channel } = request
  const day = Math.floor(now.getTime() / dayMs)
  for (let slot = 0; slot < mostADay; slot += 1) {
    const key = ['contact', refKey(ref), channel, day, slot]
    const whose = { organizationId, recipient: ref, readers: [ref] } as const
    const about = { ...whose, appointmentId: null, channel, category: null, startsAt: null, now }
    // Its token is sent to nobody.
    const [place] = links.make('contact', { ...about, messageKey: JSON.stringify(key) }, contact).rows
    if ((await storage.links.find([place.hash])) !== null) continue
    await storage.links.add([place])
    // Another request may have taken it at the same moment, for another address.
    if ((await storage.links.find([place.hash]))?.contact !== contact) continue
    const link = links.make('contact', { ...about, messageKey: JSON.stringify([...key, address]) }, contact)
    await storage.links.add(link.rows)
    return link
  }
  return null
}

/** The address that a link proves. */
export function provenContact({ secrets }: Context, { contact, organizationId }: LinkRow): string {
  if (contact === null || secrets === null) throw new NotificationError('not_found', 'The link proves no address.')
  return secrets.open(contact, sealedAs(organizationId))
}
