import type { Endpoint } from '../define-route.ts'
import type { Json } from './schemas.ts'

/** Who may call a row, in a sentence. */
export function accessInWords({ access }: Endpoint): string {
  if (access.kind === 'open') return 'Open to everybody.'
  if (access.kind === 'token') return 'For whoever has the signed URL; its token is the only credential.'
  const others = [
    ...(access.staff === null
      ? []
      : [access.staff === 'admin' ? "the organization's admins" : "the organization's staff"]),
    ...(access.self ? ['the patient or client it is about'] : []),
  ]
  return `For ${['a service', ...others].join(', ')}.`
}

/** The same for programs: the row's rule, without what it is made of inside. */
export function accessExtension({ access }: Endpoint): Json {
  if (access.kind === 'members') return { kind: access.kind, staff: access.staff, self: access.self }
  return access.kind === 'token' ? { kind: access.kind, purpose: access.purpose } : { kind: access.kind }
}

/** Open rows may tell a known caller more. */
export function securityOf({ access }: Endpoint): readonly Json[] {
  if (access.kind === 'token') return [{ callbackToken: [] }]
  return access.kind === 'members' ? [{ caller: [] }] : [{}, { caller: [] }]
}

export const securitySchemes: Json = {
  caller: {
    type: 'http',
    scheme: 'bearer',
    description: 'Whatever the host application takes as proof of who calls; often a bearer token or a session cookie.',
  },
  callbackToken: {
    type: 'apiKey',
    in: 'query',
    name: 'token',
    description: 'Part of the URL that the task service was given; good until seven days after the time it is for.',
  },
}
