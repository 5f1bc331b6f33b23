import type { Endpoint } from '../define-route.ts'
import type { Json } from './schemas.ts'

/** Who may call a row, as a sentence. */
export function accessInWords({ access }: Endpoint): string {
  if (access.kind === 'open') return 'Allowed: everyone.'
  if (access.kind === 'token') return 'Allowed: holders of the signed URL; its token is the only credential.'
  if (access.kind === 'link') return 'Allowed: who has the link of a message; its token is the only credential.'
  if (access.kind === 'provider') return 'Allowed: the provider of the account; its signature is the only credential.'
  const others = [
    ...(access.staff === null ? [] : [`${access.staff === 'admin' ? 'admins' : 'staff'} of the organization`]),
    ...(access.self ? ['the patient or client concerned'] : []),
  ]
  return `Allowed: ${['services', ...others].join('; ')}.`
}

/** The same for programs: the row's rule, without its internals. */
export function accessExtension({ access }: Endpoint): Json {
  if (access.kind === 'members') return { kind: access.kind, staff: access.staff, self: access.self }
  return access.kind === 'token' ? { kind: access.kind, purpose: access.purpose } : { kind: access.kind }
}

/** Open rows may return more to a known caller. */
export function securityOf({ access }: Endpoint): readonly Json[] {
  if (access.kind === 'token') return [{ callbackToken: [] }]
  // Each provider signs in its own way, which no scheme of the description covers.
  if (access.kind === 'provider' || access.kind === 'link') return [{}]
  return access.kind === 'members' ? [{ caller: [] }] : [{}, { caller: [] }]
}

export const securitySchemes: Json = {
  caller: {
    type: 'http',
    scheme: 'bearer',
    description: 'The credentials that the host application accepts; often a bearer token or a session cookie.',
  },
  callbackToken: {
    type: 'apiKey',
    in: 'query',
    name: 'token',
    description: 'Part of the URL given to the task service; valid until seven days after the time it is for.',
  },
}
