import fc from 'fast-check'
import type { Caller } from '../../../src/index.ts'
import {
  admin,
  client,
  type Ids,
  missingIds,
  otherAdmin,
  patient,
  service,
  viewer,
} from '../../conformance/http/world.ts'
import { naughtyStrings } from '../naughty.ts'
import { validOf } from './arbitraries.ts'
import { nearOf } from './mutations.ts'
import type { Operation, Parameter } from './operations.ts'
import type { Contract } from './schema.ts'

export type FuzzRequest = {
  /** True: right by the document, in every part. */
  readonly valid: boolean
  readonly caller: Caller | null
  readonly method: string
  /** With the query, encoded. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

export type Seeded = {
  readonly own: Ids
  readonly foreign: Ids
  /** The token for the path's object, or ''. */
  readonly token: (ids: Ids) => string
}

const callers = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Caller | null>(service) },
  { weight: 2, arbitrary: fc.constantFrom<Caller | null>(admin, viewer, patient, client, otherAdmin) },
  { weight: 1, arbitrary: fc.constant<Caller | null>(null) },
)

const encode = (value: unknown): string =>
  encodeURIComponent((typeof value === 'object' ? JSON.stringify(value) : String(value)).toWellFormed())

type Parts = {
  readonly ids: Ids
  readonly path: Readonly<Record<string, unknown>>
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown
  readonly token: string
}

/** Requests that are valid by the document; half of them are about what is in the world. */
function validParts(contract: Contract, operation: Operation, seeded: Seeded): fc.Arbitrary<Parts> {
  const of = (place: Parameter['in']) => operation.parameters.filter((one) => one.in === place)
  const valuesFor = ({ at }: Parameter) => validOf(contract, contract.at(at))
  const path = fc.record(Object.fromEntries(of('path').map((one) => [one.name, valuesFor(one)])), {
    noNullPrototype: true,
  })
  const query = fc.record(Object.fromEntries(of('query').map((one) => [one.name, valuesFor(one)])), {
    requiredKeys: of('query').flatMap(({ name, required }) => (required ? [name] : [])),
    noNullPrototype: true,
  })
  const body = operation.body === null ? fc.constant(undefined) : bodies(contract, operation.body)
  const ids = fc.constantFrom(seeded.own, seeded.foreign, missingIds)
  return fc.tuple(ids, fc.boolean(), path, query, body).map(([known, isKnown, made, asked, sent]) => {
    const here = Object.fromEntries(
      Object.entries(made).map(([name, one]) => [name, isKnown ? (known[name] ?? one) : one]),
    )
    const about = { ...known, ...Object.fromEntries(Object.entries(here).map(([name, one]) => [name, String(one)])) }
    const body = isKnown ? aboutKnown(sent, known) : sent
    return {
      ids: about,
      path: here,
      query: isKnown ? aboutKnown(asked, known) : asked,
      body,
      token: seeded.token(about),
    }
  })
}

/** As the schema has it, and now and then as the example does, which keeps the rules that no schema can say. */
function bodies(contract: Contract, at: readonly string[]): fc.Arbitrary<unknown> {
  const made = validOf(contract, contract.at(at))
  const { example } = Object(contract.at(at.slice(0, -1)))
  if (example === undefined) return made
  return fc.oneof({ weight: 4, arbitrary: made }, { weight: 1, arbitrary: fc.constant(example) })
}

/** Ids that are written in a query or a body become those of the world, of the kind of value they have. */
function aboutKnown<T>(value: T, known: Ids): T {
  if (typeof value !== 'object' || value === null) return value
  const named = Object.entries(value).flatMap(([name, one]) => {
    const id = known[name]
    return id === undefined ? [] : [[name, typeof one === 'number' ? Number(id) : id] as const]
  })
  return { ...value, ...Object.fromEntries(named) }
}

function written(operation: Operation, parts: Parts, caller: Caller | null): FuzzRequest {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encode(parts.path[name]))
  const query = Object.entries(parts.query).map(([name, value]) => `${encode(name)}=${encode(value)}`)
  if (operation.byToken) query.push(`token=${parts.token}`)
  return {
    valid: true,
    caller,
    method: operation.method,
    path: query.length === 0 ? path : `${path}?${query.join('&')}`,
    headers: operation.body === null ? {} : { 'content-type': operation.bodyType },
    body: operation.body === null ? null : bodyText(operation, parts.body),
  }
}

/** A body in the type that its operation reads. */
const bodyText = (operation: Operation, body: unknown): string =>
  operation.bodyType === 'application/json'
    ? JSON.stringify(body)
    : Object.entries(Object(body))
        .map(([name, value]) => `${encode(name)}=${encode(value)}`)
        .join('&')

const junkQuery = [
  'unknown=1',
  '__proto__=1',
  'a=%',
  'a=%E0%A4%A',
  'limit=1&limit=2',
  'limit=1e309',
  'offset=-1',
  '=',
  '&&&',
]
const junkTypes = ['text/plain', 'application/', 'json', ';', 'application/json; charset=latin1', 'multipart/form-data']
const junkBodies = [
  '',
  '{',
  '[]',
  'null',
  '1',
  '"x"',
  '{"a":1,}',
  '\u0000',
  `${'['.repeat(5000)}${']'.repeat(5000)}`,
  '\ufeff{}',
]

/** The same with one fault, in the body, a parameter, or the request itself. */
function nearRequests(contract: Contract, operation: Operation, parts: fc.Arbitrary<Parts>): fc.Arbitrary<FuzzRequest> {
  const send = (changed: Parts, caller: Caller | null) => ({ ...written(operation, changed, caller), valid: false })
  const base = fc.tuple(parts, callers)
  const also = (request: FuzzRequest, query: string) => ({
    ...request,
    path: `${request.path}${request.path.includes('?') ? '&' : '?'}${query}`,
  })
  const inParameter = operation.parameters
    .filter((one) => one.in !== 'header')
    .map((one) =>
      fc.tuple(base, nearOf(contract, contract.at(one.at))).map(([[found, caller], wrong]) => {
        const place = one.in === 'path' ? 'path' : 'query'
        return send({ ...found, [place]: { ...found[place], [one.name]: wrong } }, caller)
      }),
    )
  const inQuery = fc
    .tuple(base, fc.constantFrom(...junkQuery))
    .map(([[found, caller], junk]) => also(send(found, caller), junk))
  const inPath = fc
    .tuple(
      base,
      fc.constantFrom(
        '/%',
        '/%E0%A4%A',
        '/..',
        '//',
        '/%00',
        '/%2e%2e%2f',
        ...naughtyStrings.map((text) => `/${encode(text)}`),
      ),
    )
    .map(([[found, caller], junk]) => {
      const request = send(found, caller)
      const [path = '', ...query] = request.path.split('?')
      const cut = path.replace(/\/[^/]+\/?$/, '')
      return {
        ...request,
        path: [`${operation.parameters.some((one) => one.in === 'path') ? cut : path}${junk}`, ...query].join('?'),
      }
    })
  const around = [fc.oneof(inQuery, inPath), ...(inParameter.length === 0 ? [] : [fc.oneof(...inParameter)])]
  if (operation.body === null) return fc.oneof(...around)
  const inBody = fc
    .tuple(base, nearOf(contract, contract.at(operation.body)))
    .map(([[found, caller], wrong]) => send({ ...found, body: wrong }, caller))
  const asBody = fc
    .tuple(base, fc.constantFrom(...junkBodies))
    .map(([[found, caller], body]) => ({ ...send(found, caller), body }))
  const asType = fc
    .tuple(base, fc.constantFrom(...junkTypes))
    .map(([[found, caller], type]) => ({ ...send(found, caller), headers: { 'content-type': type } }))
  return fc.oneof(
    { weight: 5, arbitrary: inBody },
    ...[...around, fc.oneof(asBody, asType)].map((arbitrary) => ({ weight: 1, arbitrary })),
  )
}

/** What a row is asked: as many valid requests as such that are almost. */
export function requestsOf(contract: Contract, operation: Operation, seeded: Seeded): fc.Arbitrary<FuzzRequest> {
  const parts = validParts(contract, operation, seeded)
  const valid = fc.tuple(parts, callers).map(([found, caller]) => written(operation, found, caller))
  return fc.oneof(valid, nearRequests(contract, operation, parts))
}
