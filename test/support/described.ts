import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import {
  type HttpRequest,
  type HttpResponse,
  type Notifications,
  type OpenApiDocument,
  openApiDocument,
} from '../../src/index.ts'

/** Compares answers with a document. Built from the document alone: it knows nothing of the endpoint table. */
class Description {
  readonly #document: OpenApiDocument
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true })
  readonly #checks = new Map<string, ValidateFunction>()
  readonly #paths: readonly { readonly path: string; readonly shape: RegExp }[]

  constructor(document: OpenApiDocument) {
    this.#document = document
    addFormats.default(this.#ajv)
    this.#ajv.addSchema(document, 'openapi')
    // Fixed segments win over parameters.
    const paths = Object.keys(document.paths).sort((one, other) => one.split('{').length - other.split('{').length)
    this.#paths = paths.map((path) => ({ path, shape: shapeOf(path) }))
  }

  /** What is wrong with an answer; null: nothing. */
  faultOf(request: Pick<HttpRequest, 'method' | 'path'>, { status, headers, body }: HttpResponse): string | null {
    const path = this.#paths.find(({ shape }) => shape.test(request.path))?.path
    const method = request.method === 'HEAD' ? 'get' : request.method.toLowerCase()
    if (path === undefined || !Object.hasOwn(this.#document.paths[path] ?? {}, method)) {
      return this.#strayFault(status, body)
    }
    const at = ['paths', path, method, 'responses', String(status)]
    const response = this.#find(at)
    if (response === undefined) return `status ${status} is not documented: ${body}`
    const type = String(headers['content-type']).split(';')[0] ?? ''
    const media = [...response, 'content', type]
    if (this.#read(media) === undefined) return `${status} is not documented as ${type}`
    if (body === null) return request.method === 'HEAD' ? null : 'there is no body'
    return this.#mismatch([...media, 'schema'], type.endsWith('json') ? JSON.parse(body) : body)
  }

  /** Answers that no operation describes: there is no such path, or it does not know the method. */
  #strayFault(status: number, body: string | null): string | null {
    if (status === 204 || body === null) return null
    if (![400, 404, 405].includes(status)) return `status ${status} at a path without a description`
    return this.#mismatch(['components', 'schemas', 'Problem'], JSON.parse(body))
  }

  #mismatch(at: readonly string[], value: unknown): string | null {
    const ref = `openapi#${at.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`
    const check = this.#checks.get(ref) ?? this.#ajv.compile({ $ref: encodeURI(ref) })
    this.#checks.set(ref, check)
    return check(value) ? null : this.#ajv.errorsText(check.errors, { dataVar: 'answer' })
  }

  /** Where something stands, with a reference followed. */
  #find(at: readonly string[]): readonly string[] | undefined {
    const found = this.#read(at)
    if (found === undefined) return undefined
    const ref = Object(found).$ref
    return typeof ref === 'string' ? ref.replace('#/', '').split('/') : at
  }

  #read(at: readonly string[]): unknown {
    return at.reduce<unknown>(
      (part, name) => Object.entries(Object(part)).find(([key]) => key === name)?.[1],
      this.#document,
    )
  }
}

const shapeOf = (path: string): RegExp =>
  new RegExp(
    `^${path
      .replace(/\/$/, '')
      .replaceAll('.', '\\.')
      .replace(/\{\w+\}/g, '[^/]+')}/?$`,
  )

const descriptions = new Map<string, Description>()

/**
 * The library with every answer of its `handle` held against its own description of the API. What is undocumented
 * rejects, and is told again by `stop`, so that no framework and no test can swallow it.
 */
export function described<Library extends Notifications>(library: Library, key: string): Library {
  const faults: string[] = []
  return {
    ...library,
    async handle(request) {
      const answer = await library.handle(request)
      const description = descriptions.get(key) ?? new Description(openApiDocument(library.endpoints))
      descriptions.set(key, description)
      const fault = description.faultOf(request, answer)
      if (fault !== null) {
        faults.push(`${request.method} ${request.path}: ${fault}`)
        throw new Error(faults.at(-1))
      }
      return answer
    },
    async stop() {
      const report = await library.stop()
      if (faults.length > 0)
        throw new Error(`answers that the description of the API does not know: ${faults.join('\n')}`)
      return report
    },
  }
}
