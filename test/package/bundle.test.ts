import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { manifest, root } from './manifest.ts'

/** Of tsup: the esbuild that the package itself is built with. */
const esbuild = z
  .object({ build: z.custom<(options: object) => Promise<unknown>>((value) => typeof value === 'function') })
  .parse(createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild'))

/** A host that answers one request, with the rate limits that count in memory. */
const app = `
  import { createNotifications } from './src/index.ts'
  import { capture } from './adapters/transport/capture.ts'
  import { sqlite } from './adapters/storage/sqlite.ts'

  const directory = Object.fromEntries(
    ['appointments', 'organizations', 'recipients', 'waitlistEntries'].map((name) => [name, async () => []]),
  )
  const library = createNotifications({
    storage: sqlite(':memory:'),
    transports: [capture()],
    directory,
    env: {},
    authenticate: () => ({ kind: 'service', id: 'test' }),
  })
  await library.migrate()
  await library.start()
  const request = { method: 'GET', path: '/statistics', query: '', headers: {}, native: null, readBody: async () => ({}) }
  const { status, headers } = await library.handle(request)
  await library.stop()
  console.log(JSON.stringify({ status, limits: Object.keys(headers).filter((name) => name.includes('ratelimit')) }))
`

it('an ESM bundle of the library starts, and answers', async () => {
  const result = z.object({ outputFiles: z.array(z.object({ text: z.string() })) }).parse(
    await esbuild.build({
      stdin: { contents: app, resolveDir: root, loader: 'ts' },
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node22',
      external: Object.keys(manifest.peerDependencies),
      logLevel: 'silent',
    }),
  )
  const [bundle] = result.outputFiles
  const answer = execFileSync(process.execPath, ['--input-type=module', '-'], { cwd: root, input: bundle?.text ?? '' })
  expect(JSON.parse(answer.toString())).toEqual({ status: 200, limits: ['ratelimit-policy', 'ratelimit'] })
})
