/**
 * The description of the API as a page of Swagger UI (`npm install swagger-ui-dist`), served from your own process: it
 * loads nothing from the internet.
 * @example
 * createNotifications({ docs: swaggerUi(), ... }) // then open /api/notifications/docs
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { NotificationError } from '../../src/errors.ts'
import type { DocsAsset, DocsPage } from '../../src/index.ts'

const css = 'text/css; charset=utf-8'
const javascript = 'text/javascript; charset=utf-8'

/** Files of the package, read when they are first requested, and kept. */
const packaged: Readonly<Record<string, string>> = {
  'swagger-ui.css': css,
  'swagger-ui-bundle.js': javascript,
}

/**
 * The page for the option `docs`. Its requests fail with `dependency_missing` if swagger-ui-dist is not installed.
 */
export function swaggerUi(): DocsPage {
  const files = new Map<string, DocsAsset>(Object.entries(own))
  return {
    async page(base) {
      locate('swagger-ui-bundle.js')
      return html(base)
    },
    async asset(name) {
      const known = files.get(name)
      if (known !== undefined) return known
      const contentType = Object.hasOwn(packaged, name) ? packaged[name] : undefined
      if (contentType === undefined) return null
      const file = { contentType, text: await readFile(locate(name), 'utf8') }
      files.set(name, file)
      return file
    },
  }
}

/** @throws NotificationError `dependency_missing`. */
function locate(name: string): string {
  try {
    return createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`)
  } catch (cause) {
    throw new NotificationError(
      'dependency_missing',
      'The page of swaggerUi() needs a package: npm install swagger-ui-dist',
      { cause },
    )
  }
}

const html = (base: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Appointment notifications</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}/docs/swagger-ui.css">
<link rel="stylesheet" href="${base}/docs/page.css">
<script defer src="${base}/docs/swagger-ui-bundle.js"></script>
<script defer src="${base}/docs/page.js"></script>
</head>
<body>
<main id="api"><noscript>This page needs JavaScript; the description is at <a href="${base}/openapi.json">openapi.json</a>.</noscript></main>
</body>
</html>
`

const own: Readonly<Record<string, DocsAsset>> = {
  'page.js': {
    contentType: javascript,
    text: `SwaggerUIBundle({
  dom_id: '#api',
  url: new URL('../openapi.json', document.currentScript.src).href,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
})
`,
  },
  'page.css': {
    contentType: css,
    // Responses have no links, and on a phone their column would push the text off the screen.
    text: `body { margin: 0; background: #fff }
.swagger-ui .responses-table .col_header:nth-child(3), .swagger-ui .response-col_links { display: none }
.swagger-ui .opblock-summary-path, .swagger-ui .opblock-summary-path__deprecated { word-break: break-word }
@media (max-width: 640px) {
  .swagger-ui .wrapper { padding: 0 8px }
  .swagger-ui .opblock-body .responses-inner, .swagger-ui .opblock-section-header { padding: 8px }
  .swagger-ui .opblock-summary-path { max-width: none }
  .swagger-ui .response-col_status { padding-right: 8px }
}
`,
  },
}
