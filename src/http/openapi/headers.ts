import type { Endpoint } from '../define-route.ts'
import type { Json } from './schemas.ts'

/** In the syntax of draft-ietf-httpapi-ratelimit-headers. */
export const limitHeaders = {
  'RateLimit-Policy': {
    description: 'The limit that applies to this caller and class of endpoints: `q` requests in `w` seconds',
    schema: { type: 'string' },
    example: '"sending";q=60;w=60',
  },
  RateLimit: {
    description: 'What remains: `r` requests in the next `t` seconds',
    schema: { type: 'string' },
    example: '"sending";r=12;t=31',
  },
} as const

/** The headers of successful responses. */
export function headersOf({ rateClass, takesIdempotencyKey }: Endpoint): Json {
  const headers = {
    ...(rateClass === null ? {} : limitHeaders),
    ...(takesIdempotencyKey
      ? {
          'Idempotency-Replayed': {
            description: 'The response is a repetition of an earlier one to the same request',
            schema: { const: 'true' },
          },
        }
      : {}),
  }
  return Object.keys(headers).length === 0 ? {} : { headers }
}

/** The version that a change was made from. */
export const versionParameter = (need: 'required' | 'optional') => ({
  name: 'If-Match',
  in: 'header',
  required: need === 'required',
  description:
    'The version that was published when the change began, as `version` of `GET /templates/{organization_id}`; `"0"` if there was none. If another one is published by now, the response is 412',
  schema: { type: 'string', pattern: '^(?:W/)?"?\\d{1,9}"?$' },
  ...(need === 'required' && { example: '"7"' }),
})

export const idempotencyKeyParameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  // No example: an API page would send it with every request, and all would get the response to the first.
  description:
    'Within 24 hours, a repeated request with the same key is executed once and gets the same response. Use a new key, such as a UUID, for every new request',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
} as const
