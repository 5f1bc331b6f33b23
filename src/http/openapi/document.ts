import type { z } from 'zod'
import { mediaTypesOf } from '../content.ts'
import type { Endpoint } from '../define-route.ts'
import { accessExtension, accessInWords, securityOf, securitySchemes } from './access-words.ts'
import { namedSchemas } from './components.ts'
import { headersOf, idempotencyKeyParameter, versionParameter } from './headers.ts'
import { Problems, pascal } from './problems.ts'
import { isJson, type Json, WireSchemas } from './schemas.ts'

/** Options of `openApiDocument()`. */
export type OpenApiOptions = {
  /** URL at which the router is mounted, listed as a second server. Default: only the location of the document. */
  readonly publicUrl?: string | null
}

/** An OpenAPI 3.1 document. */
export type OpenApiDocument = {
  readonly openapi: string
  readonly info: Json
  readonly servers: readonly Json[]
  readonly tags: readonly Json[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>
  readonly components: Readonly<Record<string, Json>>
}

/**
 * Describes an endpoint table: everything is derived from its rows, in wire names.
 *
 * ```ts
 * await writeFile('openapi.json', JSON.stringify(openApiDocument(library.endpoints)))
 * ```
 */
export function openApiDocument(endpoints: readonly Endpoint[], options: OpenApiOptions = {}): OpenApiDocument {
  const schemas = new WireSchemas(namedSchemas)
  const problems = new Problems(schemas)
  const paths: Record<string, Record<string, Json>> = {}
  for (const row of endpoints) {
    const operations = paths[row.path] ?? {}
    operations[row.method.toLowerCase()] = operationOf(row, schemas, problems)
    paths[row.path] = operations
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Appointment notifications',
      version: '1',
      description: about,
    },
    // Relative to the document: right at any mount point and behind any proxy.
    servers: [
      { url: '.', description: 'Where this description is served' },
      ...(options.publicUrl ? [{ url: options.publicUrl }] : []),
    ],
    tags: tagsOf(endpoints),
    paths,
    components: { schemas: schemas.components(), responses: problems.shared(), securitySchemes },
  }
}

const about = [
  'Appointment reminders and notices by e-mail and SMS: settings, preferences, reminders, sending and history.',
  'Bodies are JSON in snake_case, at most 256 KiB. Unknown fields and parameters are refused. `PUT` merges and `null` clears.',
  'Errors are problem details (RFC 9457) with a stable `code`. Objects of other organizations return 404 with the same body as objects that do not exist.',
].join('\n\n')

/** The sections of the description, in the order in which a new user needs them. */
const sections: Readonly<Record<string, string>> = {
  settings: 'Channels, provider accounts and default reminders of an organization. Start here.',
  templates: 'Texts of an organization, in place of the built-in ones.',
  preferences: 'What a patient or client wants to receive, and where.',
  reminders: 'Planning, moving and cancelling reminders, explaining them, and recording outcomes of appointments.',
  send: 'Notices that are sent at once.',
  history: 'What was sent, with the result.',
  addresses: 'Addresses to which nothing is sent, and why.',
  answers: 'What people answered about appointments, and what they wrote that is for people to read.',
  consent: 'What people refuse and give, how they said so, and messages on which staff decide.',
  attention: 'People with an appointment ahead whom nothing reached.',
  debug: 'Why a recipient gets a message, or none.',
  monitoring: 'Health and statistics.',
  audit: 'Who changed what, and who triggered each message.',
  privacy: 'What is held about a person, and for how long.',
  callbacks: 'Reports of a task service, at signed URLs.',
  webhooks: 'Reports of providers on messages, signed by them.',
  links: 'Pages that the links of messages open, for people with a browser.',
  docs: 'This description.',
}

/** The id of a row begins with its section, except for these. */
const sectionOfId: Readonly<Record<string, string>> = {
  health: 'monitoring',
  statistics: 'monitoring',
  'reminder-statistics': 'monitoring',
  'health-check': 'monitoring',
  'outcomes.record': 'reminders',
  openapi: 'docs',
}
const sectionOf = ({ id }: Endpoint): string => sectionOfId[id] ?? id.split('.')[0] ?? id

function tagsOf(endpoints: readonly Endpoint[]): readonly Json[] {
  const used = new Set(endpoints.map(sectionOf))
  return Object.entries(sections).flatMap(([name, description]) => (used.has(name) ? [{ name, description }] : []))
}

function operationOf(row: Endpoint, schemas: WireSchemas, problems: Problems): Json {
  const parameters = [...parametersOf(row, 'path', schemas), ...parametersOf(row, 'query', schemas)]
  if (row.takesIdempotencyKey) parameters.push(idempotencyKeyParameter)
  if (row.version !== undefined) parameters.push(versionParameter(row.version))
  return {
    operationId: row.id,
    tags: [sectionOf(row)],
    summary: row.summary,
    description: accessInWords(row),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(row.bodyForm !== null ? { requestBody: bodyOf(row, schemas) } : {}),
    responses: responsesOf(row, schemas, problems),
    security: securityOf(row),
    'x-access': accessExtension(row),
  }
}

function bodyOf(row: Endpoint, schemas: WireSchemas): Json {
  if (row.bodyForm?.kind === 'form') {
    const schema = { type: 'object' }
    const description = 'The form of the page'
    return { required: false, description, content: { 'application/x-www-form-urlencoded': { schema } } }
  }
  if (row.bodyForm?.kind === 'raw') {
    const description = 'As the provider writes and signs it; at most 3 MB'
    return { required: false, description, content: { '*/*': { schema: { type: 'string', format: 'binary' } } } }
  }
  const schema = schemas.named(`${pascal(row.id)}Body`, row.body, 'input')
  const example = row.example?.body
  // An empty body is `{}`: it may be left out where nothing in it is required.
  const required = !row.body.safeParse({}).success
  return { required, content: { 'application/json': { schema, ...(example === undefined ? {} : { example }) } } }
}

function parametersOf(row: Endpoint, place: 'path' | 'query', schemas: WireSchemas): readonly Json[] {
  // What a provider puts into its query is its own.
  if (place === 'query' && (row.access.kind === 'provider' || row.access.kind === 'link')) return []
  const { properties, required } = schemas.of(place === 'path' ? row.params : row.query, 'input')
  if (!isJson(properties)) return []
  const mustBe = Array.isArray(required) ? required : []
  const examples: Readonly<Record<string, string>> = (place === 'path' ? row.example?.params : row.example?.query) ?? {}
  return Object.entries(properties).flatMap(([name, found]) => {
    // The token of a signed URL is a credential, described in `security`.
    if (place === 'query' && row.access.kind === 'token' && name === 'token') return []
    const { description, ...schema } = isJson(found) ? found : {}
    const example = examples[name]
    return [
      {
        name,
        in: place,
        required: place === 'path' || mustBe.includes(name),
        ...(description === undefined ? {} : { description }),
        schema,
        ...exampleOf(schema, example, place === 'path' || mustBe.includes(name)),
      },
    ]
  })
}

/** API pages prefill examples: the example of an optional filter would leave an empty list. */
const exampleOf = (schema: Json, example: string | undefined, isNeeded: boolean): Json =>
  example === undefined || !isNeeded ? {} : { example: asSent(schema, example) }

/** Examples are written as in a URL; the schema may require a number. */
const asSent = (schema: Json, text: string): string | number =>
  schema['type'] === 'integer' || schema['type'] === 'number' ? Number(text) : text

function responsesOf(row: Endpoint, schemas: WireSchemas, problems: Problems): Json {
  const problemAt = problems.of(row)
  const refused = [...problemAt].map(([status, { response }]) => [status, response] as const)
  const answered = Object.entries(row.responses).map(([status, shape]) => {
    const content = contentOf(row, shape, schemas)
    const problem = problemAt.get(Number(status))?.described
    const headers = headersOf(row)
    if (problem === undefined) return [status, { description: row.summary, ...headers, content }] as const
    // A status that both the row itself and a fault may have.
    const both = isJson(problem['content']) ? { ...content, ...problem['content'] } : content
    return [
      status,
      { ...problem, ...headers, description: `${row.summary}\n\n${problem['description']}`, content: both },
    ] as const
  })
  return Object.fromEntries([...refused, ...answered])
}

function contentOf(row: Endpoint, shape: z.ZodType, schemas: WireSchemas): Json {
  return Object.fromEntries(
    mediaTypesOf(shape).map((type) => {
      const isJsonType = type === 'application/json'
      return [
        type,
        { schema: isJsonType ? schemas.named(`${pascal(row.id)}Response`, shape, 'output') : { type: 'string' } },
      ]
    }),
  )
}
