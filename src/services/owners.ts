import type { EntityId, RecipientRef } from '../schemas/common.ts'
import type { Context } from './context.ts'
import { placeOfAppointment, type Scope } from './known-appointment.ts'
import type { Place } from './place.ts'

const nowhere: Place = { organizationId: null, recipient: null }

/** Finds out to whom an object belongs, for the access rules. Reads only. */
export class Owners {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  appointment(id: EntityId, scope: Scope): Promise<Place> {
    return placeOfAppointment(this.#context, id, scope)
  }

  async waitlistEntry(id: EntityId): Promise<Place> {
    const truth = (await this.#context.host.waitlistEntries([id]))(id)
    return truth.kind === 'known' ? { organizationId: truth.value.organizationId, recipient: null } : nowhere
  }

  /** By the directory alone: preferences outlive a deletion that the host has not told of yet, and are nobody's then. */
  async recipient(ref: RecipientRef): Promise<Place> {
    const profile = await this.#context.host.recipient(ref)
    return profile === null ? nowhere : { organizationId: profile.organizationId, recipient: ref }
  }

  async notification(id: number): Promise<Place> {
    const row = await this.#context.options.storage.deliveries.get(id)
    return row === null ? nowhere : { organizationId: row.organizationId, recipient: row.recipient }
  }
}
