import { z } from 'zod'

/** A response that is not JSON. */
export class Content {
  /** With its charset: `text/html; charset=utf-8`. */
  readonly type: string
  readonly text: string
  /** In addition to those of every response. */
  readonly headers: Readonly<Record<string, string>>
  /** For rows that choose it. */
  readonly status: number

  constructor(type: string, text: string, headers: Readonly<Record<string, string>>, status = 200) {
    this.type = type
    this.text = text
    this.headers = headers
    this.status = status
  }
}

const mediaTypes = z.registry<{ readonly types: readonly string[] }>()

/** The response schema of a row that returns content of these media types. */
export function contentOf(...types: readonly string[]) {
  const schema = z.instanceof(Content)
  mediaTypes.add(schema, { types })
  return schema
}

/** The media types of a response; `application/json` unless it was made by `contentOf`. */
export const mediaTypesOf = (schema: z.ZodType): readonly string[] =>
  mediaTypes.get(schema)?.types ?? ['application/json']
