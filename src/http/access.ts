import { z } from 'zod'
import { NotificationError } from '../errors.ts'
import type { Actor } from '../schemas/audit.ts'
import {
  type Contact,
  contactSchema,
  type EntityId,
  entityId,
  organizationId,
  type RecipientRef,
} from '../schemas/common.ts'
import type { TokenPurpose } from '../security/signed-token.ts'
import type { Place } from '../services/shared/owners.ts'
import type { HttpRequest } from './messages.ts'
import { refusal } from './snake-case.ts'

/** Roles of staff: `viewer` reads, `admin` also changes and sends. */
export const staffRoles = ['admin', 'viewer'] as const
/** Role of a staff caller: `viewer` reads, `admin` also changes and sends. */
export type StaffRole = (typeof staffRoles)[number]

const id = z.custom<EntityId>(
  (value) => entityId.safeParse(value).success,
  'must be an id: a positive integer, or text',
)
const role = z.enum(staffRoles, 'must be "admin" or "viewer"')
const organization = z.custom<string>(
  (value) => organizationId.safeParse(value).success,
  'must be the id of an organization, which is text',
)

/** Text, and no more than that: an address that cannot be used must not keep its owner from everything else. */
const contact = contactSchema.shape

/**
 * Who is calling, as identified by the host application. `service` is the host itself and may do everything. Give an
 * `id` whenever you have one: the audit log records it, and each id has its own rate limits. `email` and `phone` are the caller's own:
 * test messages go there, and nothing else uses them.
 */
export const callerSchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('service'), id: id.optional(), ...contact }),
    z.strictObject({ kind: z.literal('staff'), organizationId: organization, role, id: id.optional(), ...contact }),
    z.strictObject({ kind: z.literal('patient'), organizationId: organization, id }),
    z.strictObject({ kind: z.literal('client'), organizationId: organization, id }),
  ],
  {
    error: ({ code }) =>
      code === 'invalid_union'
        ? 'must be "service", "staff", "patient" or "client"'
        : 'must be null, or an object such as { kind: "service" }',
  },
)
/**
 * Who is calling, as `authenticate` identifies them. A `service` is the host application itself and may do everything. Give
 * an `id` whenever you have one: the audit log records it, and each id has its own rate limits. `email` and `phone` are the
 * caller's own contact, used only for test messages.
 */
export type Caller = Readonly<z.infer<typeof callerSchema>>

/**
 * Identifies a caller for rate limits and idempotency keys: kind, organization and id. Staff and services without an
 * id count as one caller for each organization and kind. Encoded as JSON, so that no two callers have the same key.
 */
export const callerKey = (caller: Caller, organizationId: string | null = organizationOf(caller)): string =>
  JSON.stringify([caller.kind, organizationId, caller.id ?? null])

/** Null for a service, which belongs to no organization. */
export const organizationOf = (caller: Caller): string | null =>
  caller.kind === 'service' ? null : caller.organizationId

/** A request as `authenticate` receives it: without its body. */
export type AuthenticateRequest = Omit<HttpRequest, 'readBody'>

/**
 * Identifies the caller of an HTTP request; null: unknown, and the response is 401. Called for every request except provider
 * webhooks, signed callbacks and links in messages. If it throws `NotificationError('unauthenticated', ...)`, or an error
 * with a `status` or `statusCode` of 401 or 403, that is the response. Any other error, as most token libraries throw for an
 * invalid token, is a 500: catch it and return null. After 10 s the response is 503.
 */
export type Authenticate = ((request: AuthenticateRequest) => Caller | null | Promise<Caller | null>) & {
  /** Logged as a warning when the library is created with it. */
  readonly warning?: string
}

/**
 * For development only: anyone who reaches the router can read and change everything. The library logs a warning when
 * it is used.
 */
export function trustEveryCaller(): Authenticate {
  const warning =
    'trustEveryCaller() is in use: anyone who reaches the notification endpoints can read and change everything'
  return Object.assign((): Caller => ({ kind: 'service' }), { warning })
}

/** Where to find the owner of the object that a request is about, and the error if it does not exist. */
export type Owner = {
  /**
   * The owner. Called for callers other than services, and to find the organization that an idempotency key belongs to. `scope`: the
   * caller's organization; null for a service.
   */
  locate(scope: string | null): Place | Promise<Place>
  missing(): NotificationError
}

/**
 * Who may call a row. Others get 403; for another organization's object they get 404, as if it did not exist. `owner` returns the
 * owner of the object that the request is about.
 */
export type Access<Params, Input, Target extends Owner> =
  | { readonly kind: 'open'; readonly owner: () => Target }
  /** The query parameter `token` must be signed for this object; `authenticate` is not called. */
  | {
      readonly kind: 'token'
      readonly purpose: TokenPurpose
      readonly id: (params: Params) => EntityId
      readonly owner: () => Target
    }
  /** A provider, whose signature the handler verifies. `require` throws where there is nobody whose signature it could be. */
  | {
      readonly kind: 'provider'
      readonly require: (params: Params) => Promise<unknown>
      readonly owner: () => Target
    }
  /** Who has the link of a message: the parameter `token` of the path is the only credential, and the handler looks it up. */
  | { readonly kind: 'link'; readonly token: (params: Params) => string; readonly owner: () => Target }
  | {
      readonly kind: 'members'
      /** The lowest role that may call it; null: no staff. */
      readonly staff: StaffRole | null
      /** True: so may the patient or client it is about. */
      readonly self: boolean
      readonly owner: (input: Input, caller: Caller) => Target
    }

/** For rows that are not about an object with an owner. */
export const noOwner: Owner = {
  locate: () => ({ organizationId: null, recipient: null }),
  missing: () => new NotificationError('not_found', 'There is no such object.'),
}

/** Checks the part of the rule that needs no object: kinds of callers and roles that may never call the row. */
export function requireKind(
  access: { readonly staff: StaffRole | null; readonly self: boolean },
  caller: Caller,
): void {
  if (caller.kind === 'service') return
  if (caller.kind === 'staff') {
    if (access.staff === 'viewer' || (access.staff === 'admin' && caller.role === 'admin')) return
    const message = access.staff === null ? 'Staff are not allowed to do this.' : 'This requires the role "admin".'
    throw new NotificationError('forbidden', message)
  }
  if (!access.self) throw new NotificationError('forbidden', `A ${caller.kind} is not allowed to do this.`)
}

/** @throws NotificationError as `owner.missing()` returns it, if the caller may not know of the object. */
export async function requireOwn(owner: Owner, caller: Caller): Promise<void> {
  if (caller.kind === 'service') return
  const place = await owner.locate(caller.organizationId)
  if (place.organizationId !== caller.organizationId) throw place.fault ?? owner.missing()
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

/** Addresses of others are masked for staff who only look: `viewer`. */
export const isMasked = (caller: Caller | null): boolean => caller?.kind === 'staff' && caller.role === 'viewer'

/** The organization within which the caller acts: after the check, a row works only within it. Null: all. */
export const scopeOf = (caller: Caller | null): string | null => (caller === null ? null : organizationOf(caller))

/** Where test messages of the caller go. */
export const contactOf = (caller: Caller | null): Contact =>
  caller?.kind === 'service' || caller?.kind === 'staff' ? { email: caller.email, phone: caller.phone } : {}

/** The caller, for the audit log. */
export const actorOf = (caller: Caller | null): Actor => ({ kind: caller?.kind ?? 'service', id: caller?.id ?? null })

/** For requests that name no owner, from a caller who may access several. `field` in its wire name. */
export const mustName = (field: string): NotificationError =>
  refusal([{ field, message: 'is required, because this caller may access several' }])
