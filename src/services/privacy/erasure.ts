import { type Channel, channels } from '../../channels/index.ts'
import { isSameRecipient } from '../../domain/appointment.ts'
import { addressKey } from '../../domain/effective.ts'
import {
  type DeliveryRow,
  type HashedAddress,
  type MessagePlace,
  type Refusal,
  type RequestKey,
  sharedSender,
} from '../../ports/storage.ts'
import { type Actor, recipientTarget } from '../../schemas/audit.ts'
import { channelPreferences } from '../../schemas/channel-settings.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import { hashedMark } from '../../schemas/erased.ts'
import { forgetRecipient } from '../planning/forget-recipient.ts'
import type { Context } from '../shared/context.ts'
import type { AddressHashes, Hash } from '../shared/hashed-addresses.ts'
import { Relief, StepSize } from '../shared/step-size.ts'
import { answerWithout } from './answers.ts'
import { organizationOf } from './export.ts'

/** Numbers of what was erased. */
export type ErasureReport = {
  /** Reminders that were cancelled. */
  readonly cancelled: number
  /** Messages that were being sent at that moment and may still arrive. */
  readonly inFlight: number
  /** Messages whose texts and addresses were erased. */
  readonly messages: number
  /** Addresses that are kept as hashes, because nothing is to be sent there. */
  readonly hashedAddresses: number
  /** Stored responses to HTTP requests (for idempotency keys) from which the person was erased. */
  readonly answers: number
  /** False: another process is reading the database, so the old data disappears from the database files a little later. */
  readonly isScrubbed: boolean
}

/** Where somebody was written to in the place of others, in normal form. */
export type ContactAddress = { readonly channel: Channel; readonly address: string }
type Reach = { readonly organizationId: string; readonly channel: Channel; readonly address: string }

const answersAtOnce = 100
const liftsAtOnce = 100
const plansAtOnce = 50
/** Of the record of consent, whether the last word on a channel came from an address. */
const recordsLookedAt = 200

async function* pagesTo(
  { personal }: Context['options']['storage'],
  { channel, address }: ContactAddress,
): AsyncGenerator<readonly DeliveryRow[]> {
  for (let after: MessagePlace | null = null; ; ) {
    const page: readonly DeliveryRow[] = await personal.messagesTo({ channel, address, after, limit: answersAtOnce })
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    after = { createdAt: last.createdAt, id: last.id }
  }
}

/** One erasure, in small steps. Interrupted, it is made again from the start, and passes over what is done. */
export class Erasure {
  readonly #context: Context
  readonly #hashes: AddressHashes
  readonly #recipient: RecipientRef
  readonly #actor: Actor
  readonly #contactAddresses: readonly ContactAddress[]
  /** Channels on which the person wants nothing, or not everything. */
  #refused: ReadonlyMap<Channel, Refusal> = new Map()
  #hash: Hash | null = null
  readonly #organizations = new Set<string>()
  readonly #appointments = new Set<EntityId>()
  readonly #addresses = new Set<string>()
  /** Where messages to others for several people were looked for. */
  readonly #searched = new Set<string>()
  readonly #rows: number[] = []
  #messages = 0
  #hashed = 0

  constructor(context: Context, recipient: RecipientRef, actor: Actor, contactAddresses: readonly ContactAddress[]) {
    this.#context = context
    this.#hashes = context.hashes
    this.#contactAddresses = contactAddresses
    this.#recipient = recipient
    this.#actor = actor
  }

  async run(): Promise<ErasureReport> {
    const { options, secrets } = this.#context
    const { storage } = options
    if (secrets !== null) this.#hash = await this.#hashes.make()
    await this.#preferences()
    await this.#eraseMessages()
    for (const address of this.#contactAddresses) await this.#eraseMessagesTo(address)
    // Preferences go only when what they refuse is kept otherwise.
    const { cancelled, inFlight } = await forgetRecipient(this.#context, this.#recipient, this.#actor)
    // Those that were made meanwhile, and those that waited.
    await this.#eraseMessages()
    await this.#erasePlans()
    const answers = await this.#eraseAnswers()
    await this.#eraseConsents()
    await this.#audit()
    const isScrubbed = (await storage.scrub?.()) ?? true
    return {
      cancelled,
      inFlight,
      messages: this.#messages,
      hashedAddresses: this.#hashed,
      answers,
      isScrubbed,
    }
  }

  async #preferences(): Promise<void> {
    const { type, id } = this.#recipient
    if (type === 'PRACTITIONER') return
    const [found = null] = await this.#context.options.storage.preferences.get([{ type, id }])
    if (found === null) return
    const { organizationId } = found
    this.#organizations.add(organizationId)
    // A hash knows no kinds of messages: who refused one of them on a channel gets none there, rather than that one again.
    const isRefused = (channel: Channel) =>
      channelPreferences(found, channel).enabled === false || found.optOuts?.some((one) => one.channel === channel)
    const said = await this.#context.options.storage.consents.records({
      organizationId,
      recipient: { type, id },
      limit: recordsLookedAt,
    })
    const refusalOf = (channel: Channel): Refusal => {
      const last = said.find((one) => one.channel === channel && one.category === null)
      return last === undefined || last.addressId === null ? 'own' : 'by_address'
    }
    this.#refused = new Map(channels.filter(isRefused).map((channel) => [channel, refusalOf(channel)]))
    const reach = channels.flatMap((channel): Reach[] => {
      const { address } = channelPreferences(found, channel)
      return address === null ? [] : [{ organizationId, channel, address: addressKey(channel, address) }]
    })
    await this.#step([], [], reach)
  }

  #eraseMessages(): Promise<void> {
    const { personal } = this.#context.options.storage
    const recipient = this.#recipient
    return this.#erasePages((after, limit) => personal.messages({ recipient, after, left: true, limit }))
  }

  /** What somebody got in the place of others has these as its recipients. */
  async #eraseMessagesTo(address: ContactAddress): Promise<void> {
    const { personal } = this.#context.options.storage
    await this.#erasePages((after, limit) => personal.messagesTo({ ...address, after, limit }))
    // What is known of the address where no message is left.
    const reach = [sharedSender, ...this.#organizations].map((organizationId) => ({ ...address, organizationId }))
    await this.#step([], [], reach)
  }

  async #erasePages(read: (after: MessagePlace | null, limit: number) => Promise<DeliveryRow[]>): Promise<void> {
    const { storage, clock } = this.#context.options
    const size = new StepSize(storage, 4, 100)
    const relief = new Relief(storage, clock)
    for (let after: MessagePlace | null = null; ; ) {
      const page = await read(after, size.rows)
      const last = page.at(-1)
      if (last === undefined) return
      for (const { organizationId } of page) this.#organizations.add(organizationId)
      const reach = page.flatMap(({ organizationId, channel, recipientAddress: address }): Reach[] =>
        address === null ? [] : [{ organizationId, channel, address }],
      )
      await this.#eraseGathered(reach)
      size.took(await this.#step(page, this.#newAppointments(page), reach))
      after = { createdAt: last.createdAt, id: last.id }
      await relief.stepped()
    }
  }

  /**
   * Messages to others at the same address that are about several appointments: they may name the person, also where the person's own has gone
   * out by itself since. First, as long as the address is known.
   */
  async #eraseGathered(reach: readonly Reach[]): Promise<void> {
    if (this.#recipient.type === 'PRACTITIONER') return
    const { storage, clock } = this.#context.options
    const relief = new Relief(storage, clock)
    for (const { channel, address } of reach) {
      const key = `${channel} ${address}`
      if (this.#searched.has(key)) continue
      this.#searched.add(key)
      for await (const page of pagesTo(storage, { channel, address })) {
        const theirs = page.filter(({ sentWith, message, recipient }) => {
          return sentWith !== null && message !== '' && !isSameRecipient(recipient, this.#recipient)
        })
        if (theirs.length > 0) await this.#step(theirs, [], [])
        await relief.stepped()
      }
    }
  }

  #newAppointments(rows: readonly { readonly appointmentId: EntityId | null }[]): EntityId[] {
    const found = [...new Set(rows.flatMap(({ appointmentId }) => appointmentId ?? []))]
    const fresh = found.filter((id) => !this.#appointments.has(id))
    for (const id of fresh) this.#appointments.add(id)
    return fresh
  }

  async #erasePlans(): Promise<void> {
    const { storage } = this.#context.options
    for (let after = 0; ; ) {
      const page = await storage.personal.plansOf(this.#recipient, after, plansAtOnce)
      const last = page.at(-1)
      if (last === undefined) return
      for (const { organizationId } of page) this.#organizations.add(organizationId)
      for (const id of this.#newAppointments(page)) await this.#step([], [id], [])
      after = last.planId
    }
  }

  /** Returns how long the change took, in ms. */
  async #step(
    page: readonly DeliveryRow[],
    appointments: readonly EntityId[],
    reach: readonly Reach[],
  ): Promise<number> {
    const { storage, clock } = this.#context.options
    for (const { recipientEmail, recipientPhone, recipientAddress } of page)
      for (const one of [recipientEmail, recipientPhone, recipientAddress]) if (one !== null) this.#addresses.add(one)
    for (const { address } of reach) this.#addresses.add(address)
    const addresses = await this.#hashedOf(reach)
    // What went out in one message has the words of that about each of its people.
    const shared = [...new Set(page.flatMap(({ sentWith }) => sentWith ?? []))]
    const together = shared.length === 0 ? [] : await storage.deliveries.sentWith(shared)
    const began = clock.elapsedMs()
    const {
      messages,
      addresses: rows,
      hashed,
    } = await storage.personal.erase({
      recipient: this.#recipient,
      messages: [...new Set([...page, ...together].map(({ id }) => id))],
      contactAddresses: this.#contactAddresses,
      appointments,
      waitlistEntries: [...new Set(page.flatMap(({ waitlistEntryId }) => waitlistEntryId ?? []))],
      addresses,
      hash: this.#hash,
      at: clock.now(),
    })
    this.#messages += messages
    this.#hashed += hashed
    this.#rows.push(...rows)
    return clock.elapsedMs() - began
  }

  /** Addresses that nobody else has. Without an encryption key there are no hashes, and nothing may have to be kept. */
  async #hashedOf(reach: readonly Reach[]): Promise<HashedAddress[]> {
    const own = [...new Map(reach.map((one) => [JSON.stringify(one), one])).values()]
    if (own.length === 0) return []
    const { storage } = this.#context.options
    const shared = await storage.personal.sharedAddresses(own, this.#recipient)
    const isTheirs = ({ channel, address }: Reach) =>
      this.#contactAddresses.some((one) => one.channel === channel && one.address === address)
    const alone = own.filter((one, index) => shared[index] !== true || isTheirs(one))
    if (alone.length === 0) return []
    const rows = await storage.addresses.find(alone.flatMap((one) => [one, { ...one, organizationId: '' }]))
    const isKept = rows.some(({ suppression, liftedAt }) => suppression !== null || liftedAt !== null)
    const isRefused = alone.some(({ channel }) => this.#refused.has(channel))
    // Where there is no key, it says so.
    const hash = isKept || isRefused ? await this.#hashes.make() : this.#hash
    return alone.map((one) => ({
      ...one,
      hash: hash === null ? hashedMark : hash(one.channel, one.address),
      refusal: this.#refused.get(one.channel) ?? null,
    }))
  }

  async #eraseAnswers(): Promise<number> {
    const { storage } = this.#context.options
    const erased = { recipient: this.#recipient, appointments: this.#appointments, addresses: this.#addresses }
    let count = 0
    for (let after: RequestKey | null = null; ; ) {
      const page: readonly (RequestKey & { readonly answer: string })[] = await storage.personal.answers(
        after,
        answersAtOnce,
      )
      for (const request of page) {
        const left = request.answer === '' ? null : answerWithout(request.answer, erased)
        if (left !== null && (await storage.personal.replaceAnswer(request, request.answer, left))) count += 1
      }
      after = page.at(-1) ?? null
      if (after === null) return count
    }
  }

  /** Who lifted a suppression said who gave the consent, and how. */
  async #eraseConsents(): Promise<void> {
    const { storage } = this.#context.options
    const rows = new Set(this.#rows.map(String))
    if (rows.size === 0) return
    for (const organizationId of this.#organizations) {
      for (let before: number | undefined; ; ) {
        const action = 'address.lifted'
        const more = before === undefined ? {} : { before }
        const page = await storage.audit.list({ organizationId, action, limit: liftsAtOnce, ...more })
        const meant = page.filter(({ target }) => target?.type === 'address' && rows.has(target.id))
        if (meant.length > 0) await storage.personal.eraseConsents(meant.map(({ id }) => id))
        before = page.at(-1)?.id
        if (page.length < liftsAtOnce) break
      }
    }
  }

  async #audit(): Promise<void> {
    const { storage, clock } = this.#context.options
    if (this.#organizations.size === 0) this.#organizations.add(await organizationOf(this.#context, this.#recipient))
    for (const organizationId of this.#organizations) {
      const target = recipientTarget(this.#recipient)
      const entry = { organizationId, at: clock.now(), actor: this.#actor, target, detail: {} }
      await storage.audit.append({ ...entry, action: 'recipient.erased' })
    }
  }
}
