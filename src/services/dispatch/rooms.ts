import { type Lane, laneKey, type SettingsRow } from '../../ports/storage.ts'
import type { Provider, Providers } from '../providers.ts'
import { type AccountGate, accountKeyOf } from './account-gate.ts'

/** What is left of an account in a round. An idle account is for the first group whole, or one larger than it would never go. */
type Room = { free: number; readonly wholeFor: string | null }

/** How much of what is ready can be sent now: the places of each account, shared by the organizations that send through it. */
export class Rooms {
  readonly #providers: Providers
  readonly #gate: AccountGate
  #settings: ReadonlyMap<string, SettingsRow> = new Map()

  constructor(providers: Providers, gate: AccountGate) {
    this.#providers = providers
    this.#gate = gate
  }

  /** Who sends for whom, from now on. */
  know(settings: readonly SettingsRow[]): void {
    this.#settings = new Map(settings.map((row) => [row.organizationId, row]))
  }

  /** Whether anything of the lane could be begun. What has no provider needs none: it is decided without sending. */
  hasRoom(lane: Lane): boolean {
    const provider = this.#providerOf(lane)
    return provider === null || this.#gate.free(provider) > 0
  }

  /** A round of giving places away: says of a group whether it has them, and takes them. */
  round(): (lane: Lane, group: string, size: number) => boolean {
    const rooms = new Map<string, Room | null>()
    return (lane, group, size) => {
      const room = this.#roomOf(lane, group, rooms)
      if (room === null) return true
      if (room.free < size && room.wholeFor !== group) return false
      room.free -= size
      return true
    }
  }

  #providerOf({ organizationId, channel }: Lane): Provider | null {
    const found = this.#providers.find(this.#settings.get(organizationId) ?? null, channel)
    return typeof found === 'string' ? null : found
  }

  /** Kept in `rooms` by lane and by account. */
  #roomOf(lane: Lane, group: string, rooms: Map<string, Room | null>): Room | null {
    const own = laneKey(lane)
    let room = rooms.get(own)
    if (room !== undefined) return room
    const provider = this.#providerOf(lane)
    if (provider === null) {
      room = null
    } else {
      const account = `account ${accountKeyOf(provider)}`
      room = rooms.get(account) ?? {
        free: this.#gate.free(provider),
        wholeFor: this.#gate.isIdle(provider) ? group : null,
      }
      rooms.set(account, room)
    }
    rooms.set(own, room)
    return room
  }
}
