import type { Truth } from '../domain/due.ts'
import type { EntityId, RecipientRef } from '../schemas/common.ts'
import type { Context } from './context.ts'
import { rowInvalid } from './directory/row-findings.ts'
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
    return placeOf((await this.#context.host.waitlistEntries([id]))(id), id)
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

/** A row that cannot be used is somebody's all the same. @throws NotificationError `directory_invalid` where nobody can say whose. */
function placeOf(truth: Truth<{ readonly organizationId: string }>, waitlistEntryId: EntityId): Place {
  if (truth.kind === 'known') return { organizationId: truth.value.organizationId, recipient: null }
  if (truth.kind !== 'unreadable') return nowhere
  if (truth.organizationId === null) throw rowInvalid('waitlist entry', waitlistEntryId, truth.issues)
  return { organizationId: truth.organizationId, recipient: null }
}
