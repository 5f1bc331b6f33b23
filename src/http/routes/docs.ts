import { z } from 'zod'
import { NotificationError } from '../../errors.ts'
import type { DocsPage } from '../../ports/docs.ts'
import { noOwner } from '../access.ts'
import type { Api } from '../api.ts'
import { Content, contentOf } from '../content.ts'
import { defineRoute, type Endpoint, nothing, type Route } from '../define-route.ts'
import { hostAnswer } from '../host-answer.ts'
import { type OpenApiDocument, openApiDocument } from '../openapi/document.ts'

/** Our own origin only. Swagger UI and similar pages set inline styles while rendering. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const open = { kind: 'open', owner: () => noOwner } as const

/** The description of the API, and a page that shows it. `rows`: the whole table, including these rows. */
export function docsRoutes({ docs, publicUrl, clock }: Api, rows: () => readonly Endpoint[]): Route[] {
  let document: OpenApiDocument | null = null
  return [
    defineRoute({
      id: 'openapi',
      method: 'GET',
      path: '/openapi.json',
      summary: 'Read this description as OpenAPI 3.1',
      params: nothing,
      query: nothing,
      body: nothing,
      responses: { 200: z.record(z.string(), z.unknown()) },
      errors: [],
      access: open,
      async handler() {
        document ??= openApiDocument(rows(), { publicUrl })
        return document
      },
    }),
    defineRoute({
      id: 'docs.page',
      method: 'GET',
      path: '/docs',
      summary: 'Read this description as a page, if the option `docs` is set',
      params: nothing,
      query: nothing,
      body: nothing,
      responses: { 200: contentOf('text/html') },
      errors: ['not_found'],
      access: open,
      async handler({ path }) {
        const page = required(docs)
        const html = await hostAnswer(clock, 'docs', () => page.page(path.endsWith('/') ? '..' : '.'))
        return new Content('text/html; charset=utf-8', html, { 'content-security-policy': contentSecurityPolicy })
      },
    }),
    defineRoute({
      id: 'docs.asset',
      method: 'GET',
      path: '/docs/{asset}',
      summary: 'Load a file of the page',
      params: z.strictObject({ asset: z.string().max(100).describe('Name of the file') }),
      query: nothing,
      body: nothing,
      responses: { 200: contentOf('text/css', 'text/javascript') },
      errors: ['not_found'],
      example: { params: { asset: 'page.css' } },
      access: open,
      async handler({ params }) {
        const page = required(docs)
        const asset = await hostAnswer(clock, 'docs', () => page.asset(params.asset))
        if (asset === null) throw new NotificationError('not_found', 'The page has no file of this name.')
        return new Content(asset.contentType, asset.text, { 'cache-control': 'public, max-age=3600' })
      },
    }),
  ]
}

function required(docs: DocsPage | null): DocsPage {
  if (docs !== null) return docs
  throw new NotificationError(
    'not_found',
    'There is no page. Set the option "docs" of createNotifications(), for example to swaggerUi() of "appointment-notifications/docs". The OpenAPI document is at openapi.json.',
  )
}
