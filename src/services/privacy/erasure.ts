import { type Channel, channels } from '../../channels/index.ts'
import { addressKey } from '../../domain/effective.ts'
import type { DeliveryRow, HashedAddress, MessagePlace, RequestKey } from '../../ports/storage.ts'
import { type Actor, recipientTarget } from '../../schemas/audit.ts'
import { channelPreferences } from '../../schemas/channel-settings.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import { hashedMark } from '../../schemas/erased.ts'
import type { Scheduling } from '../planning/scheduling.ts'
import type { Context } from '../shared/context.ts'
import type { AddressHashes } from '../shared/hashed-addresses.ts'
import { answerWithout } from './answers.ts'
import { StepSize } from './step-size.ts'

/** What was erased. */
export type ErasureReport = {
  /** Reminders that were cancelled. */
  readonly cancelled: number
  /** Messages that were being sent at that moment and may still arrive. */
  readonly inFlight: number
  /** Messages whose texts and addresses were erased. */
  readonly messages: number
  /** Addresses that are kept as hashes, because nothing is to be sent there. */
  readonly hashedAddresses: number
  /** Stored answers to requests from which the person was erased. */
  readonly answers: number
  /** False: another process reads the database just now, so that its files are rid of the data a little later. */
  readonly isScrubbed: boolean
}

type Reach = { readonly organizationId: string; readonly channel: Channel; readonly address: string }

const answersAtOnce = 100
const liftsAtOnce = 100
const plansAtOnce = 50

/** One erasure, in small steps. Interrupted, it is made again from the start, and passes over what is done. */
export class Erasure {
  readonly #context: Context
  readonly #hashes: AddressHashes
  readonly #recipient: RecipientRef
  readonly #actor: Actor
  /** Channels on which the person wants nothing, or not everything. */
  #refused: ReadonlySet<Channel> = new Set()
  readonly #organizations = new Set<string>()
  readonly #appointments = new Set<EntityId>()
  readonly #addresses = new Set<string>()
  readonly #rows: number[] = []
  #messages = 0
  #hashed = 0

  constructor(context: Context, hashes: AddressHashes, recipient: RecipientRef, actor: Actor) {
    this.#context = context
    this.#hashes = hashes
    this.#recipient = recipient
    this.#actor = actor
  }

  async run(scheduling: Scheduling): Promise<ErasureReport> {
    const { storage } = this.#context.options
    await this.#preferences()
    await this.#eraseMessages()
    // Preferences go only when what they refuse is kept otherwise.
    const { cancelled, inFlight } = await scheduling.recipientDeleted(this.#recipient)
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
    this.#refused = new Set(channels.filter(isRefused))
    const reach = channels.flatMap((channel): Reach[] => {
      const { address } = channelPreferences(found, channel)
      return address === null ? [] : [{ organizationId, channel, address: addressKey(channel, address) }]
    })
    await this.#step([], [], reach)
  }

  async #eraseMessages(): Promise<void> {
    const { storage, clock } = this.#context.options
    const size = new StepSize(5, 100)
    for (let after: MessagePlace | null = null; ; ) {
      const began = clock.elapsedMs()
      const page: DeliveryRow[] = await storage.personal.messages({
        recipient: this.#recipient,
        after,
        left: true,
        limit: size.rows,
      })
      const last = page.at(-1)
      if (last === undefined) return
      for (const { organizationId } of page) this.#organizations.add(organizationId)
      const reach = page.flatMap(({ organizationId, channel, recipientAddress: address }): Reach[] =>
        address === null ? [] : [{ organizationId, channel, address }],
      )
      await this.#step(page, this.#newAppointments(page), reach)
      after = { createdAt: last.createdAt, id: last.id }
      size.took(clock.elapsedMs() - began)
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

  async #step(page: readonly DeliveryRow[], appointments: readonly EntityId[], reach: readonly Reach[]): Promise<void> {
    const { storage, clock } = this.#context.options
    for (const { recipientEmail, recipientPhone, recipientAddress } of page)
      for (const one of [recipientEmail, recipientPhone, recipientAddress]) if (one !== null) this.#addresses.add(one)
    for (const { address } of reach) this.#addresses.add(address)
    const addresses = await this.#hashedOf(reach)
    // What went out in one message has the words of that about each of its people.
    const shared = [...new Set(page.flatMap(({ sentWith }) => sentWith ?? []))]
    const together = shared.length === 0 ? [] : await storage.deliveries.sentWith(shared)
    const {
      messages,
      addresses: rows,
      hashed,
    } = await storage.personal.erase({
      recipient: this.#recipient,
      messages: [...new Set([...page, ...together].map(({ id }) => id))],
      appointments,
      waitlistEntries: [...new Set(page.flatMap(({ waitlistEntryId }) => waitlistEntryId ?? []))],
      addresses,
      at: clock.now(),
    })
    this.#messages += messages
    this.#hashed += hashed
    this.#rows.push(...rows)
  }

  /** Addresses that nobody else has. Without an encryption key there are no hashes, and nothing may have to be kept. */
  async #hashedOf(reach: readonly Reach[]): Promise<HashedAddress[]> {
    const own = [...new Map(reach.map((one) => [JSON.stringify(one), one])).values()]
    if (own.length === 0) return []
    const { storage } = this.#context.options
    const shared = await storage.personal.sharedAddresses(own, this.#recipient)
    const alone = own.filter((_, index) => shared[index] !== true)
    if (alone.length === 0) return []
    const rows = await storage.addresses.find(alone.flatMap((one) => [one, { ...one, organizationId: '' }]))
    const isKept = rows.some(({ suppression, liftedAt }) => suppression !== null || liftedAt !== null)
    const isRefused = alone.some(({ channel }) => this.#refused.has(channel))
    const hash = isKept || isRefused || this.#context.secrets !== null ? await this.#hashes.make() : null
    return alone.map((one) => ({
      ...one,
      hash: hash === null ? hashedMark : hash(one.channel, one.address),
      isRefused: this.#refused.has(one.channel),
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
    for (const organizationId of this.#organizations) {
      const target = recipientTarget(this.#recipient)
      const entry = { organizationId, at: clock.now(), actor: this.#actor, target, detail: {} }
      await storage.audit.append({ ...entry, action: 'recipient.erased' })
    }
  }
}
