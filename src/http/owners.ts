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

/** An organization itself. `missing` returns the error that the row's service would throw. */
export const organizationOwner = (id: string, missing: (id: string) => NotificationError = settingsNotFound) =>
  ({
    organizationId: id,
    locate: () => ({ organizationId: id, recipient: null }),
    missing: () => missing(id),
  }) satisfies Owner & { organizationId: string }

/** The named organization, or the caller's own; a service must name one. */
export const namedOrganization = (named: string | undefined, caller: Caller) => {
  const id = named ?? (caller.kind === 'service' ? undefined : caller.organizationId)
  if (id === undefined) throw mustName('organization_id')
  return organizationOwner(id, organizationNotFound)
}

/** The scope of a read: one organization, or all of them for a service that names none. */
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

/** The named patient or client, or the caller themselves; all others must name one. `field` in its wire name. */
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

/** What a history list may show: everything to services, an organization's history to its staff, their own to patients and clients. */
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
  const recipient = { type: asked.recipientType ?? self.type, id: asked.recipientId ?? self.id }
  return {
    locate: () => ({ organizationId: scope.organizationId ?? null, recipient }),
    missing: () =>
      recipient.type === 'PRACTITIONER'
        ? scope.missing()
        : recipientNotFound({ type: recipient.type, id: recipient.id }),
    filter: { organizationId: scope.organizationId, recipientType: self.type, recipientId: self.id },
  }
}
