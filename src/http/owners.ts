import type { NotificationError } from '../errors.ts'
import type { EntityId, RecipientRef } from '../schemas/common.ts'
import type { PreferenceRef } from '../schemas/preferences.ts'
import {
  appointmentNotFound,
  notificationNotFound,
  organizationNotFound,
  preferencesNotFound,
  recipientNotFound,
  settingsNotFound,
  waitlistEntryNotFound,
} from '../services/shared/not-found.ts'
import type { Owners } from '../services/shared/owners.ts'
import { type Caller, mustName, type Owner, selfOf } from './access.ts'

/** An organization itself. `missing` says what the row's service would say. */
export const organizationOwner = (id: string, missing: (id: string) => NotificationError = settingsNotFound) =>
  ({
    organizationId: id,
    locate: () => ({ organizationId: id, recipient: null }),
    missing: () => missing(id),
  }) satisfies Owner & { organizationId: string }

/** The organization named, or the staff's own; a service could mean any. */
export const namedOrganization = (named: string | undefined, caller: Caller) => {
  const id = named ?? (caller.kind === 'service' ? undefined : caller.organizationId)
  if (id === undefined) throw mustName('organization_id')
  return organizationOwner(id, organizationNotFound)
}

/** A scope to read within: one organization, or all of them for a service that names none. */
export const organizationScope = (named: string | undefined, caller: Caller) => {
  const organizationId = named ?? (caller.kind === 'service' ? undefined : caller.organizationId)
  return {
    organizationId,
    locate: () => ({ organizationId: organizationId ?? null, recipient: null }),
    missing: () => organizationNotFound(organizationId ?? ''),
  } satisfies Owner & { organizationId: string | undefined }
}

export const appointmentOwner = (owners: Owners, id: EntityId): Owner => ({
  locate: (scope) => owners.appointment(id, scope),
  missing: () => appointmentNotFound(id),
})

export const waitlistOwner = (owners: Owners, id: EntityId): Owner => ({
  locate: () => owners.waitlistEntry(id),
  missing: () => waitlistEntryNotFound(id),
})

export const notificationOwner = (owners: Owners, id: number): Owner => ({
  locate: () => owners.notification(id),
  missing: () => notificationNotFound(id),
})

export const recipientOwner = (owners: Owners, ref: PreferenceRef, missing = preferencesNotFound) =>
  ({ ref, locate: () => owners.recipient(ref), missing: () => missing(ref) }) satisfies Owner & { ref: PreferenceRef }

/** The patient or client named, or the one who calls; everybody else could mean several. `field` in its wire name. */
export function namedRecipient(
  owners: Owners,
  type: PreferenceRef['type'],
  named: EntityId | undefined,
  caller: Caller,
  field: string,
) {
  const self = selfOf(caller)
  const id = named ?? (self?.type === type ? self.id : undefined)
  if (id === undefined) throw mustName(field)
  return recipientOwner(owners, { type, id }, recipientNotFound)
}

/** What a history list may show: all to a service, an organization's to its staff, their own to patients and clients. */
export function historyScope(
  asked: {
    readonly organizationId?: string | undefined
    readonly recipientType?: RecipientRef['type'] | undefined
    readonly recipientId?: EntityId | undefined
  },
  caller: Caller,
) {
  const scope = organizationScope(asked.organizationId, caller)
  const self = selfOf(caller)
  if (self === null) return { ...scope, filter: { organizationId: scope.organizationId } }
  const wanted = { type: asked.recipientType ?? self.type, id: asked.recipientId ?? self.id }
  return {
    locate: () => ({ organizationId: scope.organizationId ?? null, recipient: wanted }),
    missing: () =>
      wanted.type === 'PRACTITIONER' ? scope.missing() : recipientNotFound({ type: wanted.type, id: wanted.id }),
    filter: { organizationId: scope.organizationId, recipientType: self.type, recipientId: self.id },
  }
}
