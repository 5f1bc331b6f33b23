import { z } from 'zod'
import type { OpenApiDocument } from '../../../src/index.ts'
import type { Contract } from './schema.ts'

const parameter = z.looseObject({ name: z.string(), in: z.enum(['path', 'query', 'header']), required: z.boolean() })
const operationShape = z.looseObject({
  operationId: z.string(),
  parameters: z.array(z.unknown()).default([]),
  requestBody: z.looseObject({ required: z.boolean(), content: z.record(z.string(), z.unknown()) }).optional(),
  responses: z.record(z.string(), z.unknown()),
  security: z.array(z.record(z.string(), z.unknown())).default([]),
})

export type Parameter = z.infer<typeof parameter> & { readonly at: readonly string[] }
export type Operation = {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly parameters: readonly Parameter[]
  /** Where the schema of the body stands; null: no body is read. */
  readonly body: readonly string[] | null
  /** How a body is written. */
  readonly bodyType: string
  /** The credential is a token in the query. */
  readonly byToken: boolean
  /** Where the schema of an answer stands, or what is wrong with its status and type. */
  readonly answers: (status: number, contentType: string) => readonly string[] | string
}

/**
 * The operations of a document, as a client that knows nothing else would read them. Left out are webhooks: what a provider signs no
 * schema makes, and without a signature all is refused alike. What reads them has a fuzz of its own
 * (`test/adapters/transport/receipts/forged.test.ts`, `bounces.test.ts`).
 */
export function operationsOf(document: OpenApiDocument, contract: Contract): Operation[] {
  const called = Object.entries(document.paths).filter(([path]) => !path.startsWith('/webhooks/'))
  return called.flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, told]): Operation => {
      const at = ['paths', path, method]
      const { operationId, parameters, requestBody, responses, security } = operationShape.parse(told)
      const [bodyType = 'application/json'] = Object.keys(requestBody?.content ?? {})
      const answers = (status: number, contentType: string) => {
        const response = responses[status]
        if (response === undefined) return `status ${status} is not documented`
        const { $ref } = Object(response)
        const place = typeof $ref === 'string' ? $ref.slice(2).split('/') : [...at, 'responses', String(status)]
        const type = contentType.replace(/;.*/, '')
        const { content } = Object(contract.follow(response))
        return Object(content)[type] === undefined
          ? `${status} is not documented as "${contentType}"`
          : [...place, 'content', type, 'schema']
      }
      return {
        id: operationId,
        method: method.toUpperCase(),
        path,
        parameters: parameters.map((one, index) => {
          const { $ref } = Object(one)
          const place = typeof $ref === 'string' ? $ref.slice(2).split('/') : [...at, 'parameters', String(index)]
          return { ...parameter.parse(contract.follow(one)), at: [...place, 'schema'] }
        }),
        body: requestBody === undefined ? null : [...at, 'requestBody', 'content', bodyType, 'schema'],
        bodyType,
        byToken: security.some((one) => 'callbackToken' in one),
        answers,
      }
    }),
  )
}
