import { z } from 'zod'
import { NotificationError } from '../errors.ts'
import type { Actor } from '../schemas/audit.ts'
import { type EntityId, entityId, organizationId, type RecipientRef } from '../schemas/common.ts'
import type { TokenPurpose } from '../security/signed-token.ts'
import type { Place } from '../services/place.ts'
import type { HttpRequest } from './messages.ts'
import { refusal } from './snake-case.ts'

export const staffRoles = ['admin', 'viewer'] as const
export type StaffRole = (typeof staffRoles)[number]

/**
 * Who is calling, as far as the host application knows. `service` is the host itself and may do everything. Give an
 * `id` whenever you have one: the audit log names it, and each id has rate limits of its own.
 */
export const callerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('service'), id: entityId.optional() }),
  z.strictObject({ kind: z.literal('staff'), organizationId, role: z.enum(staffRoles), id: entityId.optional() }),
  z.strictObject({ kind: z.literal('patient'), organizationId, id: entityId }),
  z.strictObject({ kind: z.literal('client'), organizationId, id: entityId }),
])
export type Caller = Readonly<z.infer<typeof callerSchema>>

/**
 * Kind, organization and id as one word: whom rate limits and idempotency keys belong to. Staff and services without an
 * id are one caller for each organization and kind. As JSON, so that no two callers read the same.
 */
export const callerKey = (caller: Caller, organizationId: string | null = organizationOf(caller)): string =>
  JSON.stringify([caller.kind, organizationId, caller.id ?? null])

/** Null for a service, which is of none in particular. */
export const organizationOf = (caller: Caller): string | null =>
  caller.kind === 'service' ? null : caller.organizationId

/** A request as `authenticate` sees it, without its body. */
export type AuthenticateRequest = Omit<HttpRequest, 'readBody'>

/**
 * Tells who is calling; null: nobody known, and the answer is 401. Called for every request except TaskManager's
 * callbacks, which carry a signed token. If it throws, the answer is 500; if it has not answered after 10 s, 503.
 */
export type Authenticate = ((request: AuthenticateRequest) => Caller | null | Promise<Caller | null>) & {
  /** Logged as a warning when the library starts to use it. */
  readonly warning?: string
}

/**
 * For development only: lets anybody who reaches the router read and change everything. The library logs a warning when
 * it is used.
 */
export function trustEveryCaller(): Authenticate {
  const warning =
    'trustEveryCaller() is in use: whoever reaches the notification endpoints may read and change everything'
  return Object.assign((): Caller => ({ kind: 'service' }), { warning })
}

/** An object that a request is about, and what is said if it is not there. */
export type Owner = {
  /** Asked for callers other than the service, and where an idempotency key belongs to its organization. */
  locate(): Place | Promise<Place>
  missing(): NotificationError
}

/**
 * The rule of a row. Whoever is not named by it gets 403; another organization's object is 404, as if it were not
 * there. `owner` says what the request is about.
 */
export type Access<Params, Input, Target extends Owner> =
  | { readonly kind: 'open'; readonly owner: () => Target }
  /** The query parameter `token` must be signed for this object; `authenticate` is not asked. */
  | {
      readonly kind: 'token'
      readonly purpose: TokenPurpose
      readonly id: (params: Params) => EntityId
      readonly owner: () => Target
    }
  | {
      readonly kind: 'members'
      /** The least role; null: no staff. */
      readonly staff: StaffRole | null
      /** True: the patient or client it is about. */
      readonly self: boolean
      readonly owner: (input: Input, caller: Caller) => Target
    }

/** Of rows that are about nothing in particular. */
export const nobodys: Owner = {
  locate: () => ({ organizationId: null, recipient: null }),
  missing: () => new NotificationError('not_found', 'There is nothing here.'),
}

/** The part of a rule that needs no object: whose kind of caller never may. */
export function requireKind(
  access: { readonly staff: StaffRole | null; readonly self: boolean },
  caller: Caller,
): void {
  if (caller.kind === 'service') return
  if (caller.kind === 'staff') {
    if (access.staff === 'viewer' || (access.staff === 'admin' && caller.role === 'admin')) return
    const told = access.staff === null ? 'This is not for staff.' : 'This needs the role "admin".'
    throw new NotificationError('forbidden', told)
  }
  if (!access.self) throw new NotificationError('forbidden', `A ${caller.kind} may not do this.`)
}

/** @throws what `owner.missing()` says, where the object is not the caller's to know of. */
export async function requireOwn(owner: Owner, caller: Caller): Promise<void> {
  if (caller.kind === 'service') return
  const place = await owner.locate()
  if (place.organizationId !== caller.organizationId) throw owner.missing()
  if (caller.kind !== 'staff' && !isSelf(caller, place.recipient)) throw owner.missing()
}

/** The patient or client who calls, or null. */
export function selfOf(caller: Caller): RecipientRef | null {
  if (caller.kind === 'patient') return { type: 'PATIENT', id: caller.id }
  if (caller.kind === 'client') return { type: 'CLIENT', id: caller.id }
  return null
}

function isSelf(caller: Caller, recipient: RecipientRef | null): boolean {
  const self = selfOf(caller)
  return self !== null && recipient !== null && self.type === recipient.type && self.id === recipient.id
}

/** The caller, for the audit log. */
export const actorOf = (caller: Caller | null): Actor => ({ kind: caller?.kind ?? 'service', id: caller?.id ?? null })

/** For requests that name no owner, of a caller who could mean several. `field` in its wire name. */
export const mustName = (field: string): NotificationError =>
  refusal([{ field, message: 'is required: the caller could mean several' }])
