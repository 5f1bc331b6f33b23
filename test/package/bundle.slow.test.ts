import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { chunksOf, esbuild } from './chunks.ts'
import { manifest, root } from './manifest.ts'

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

it('has each language in a chunk of its own, and starts with English alone', async () => {
  const { outputs, startedBy } = await chunksOf(['src/index.ts'])
  const localesIn = (path: string) =>
    Object.keys(outputs[path]?.inputs ?? {}).filter((input) => input.endsWith('.json'))
  const started = startedBy('src/index.ts')
  expect(started.flatMap(localesIn)).toEqual(['src/messages/locales/en.json'])
  const later = Object.keys(outputs).filter((path) => !started.includes(path))
  expect(later.map(localesIn)).toEqual(later.map(() => [expect.stringMatching(/locales\/[a-zA-Z-]+\.json$/)]))
  expect(later).toHaveLength(19)
})

it('writes in another language from a bundle of one file', async () => {
  const source = `
    import { Languages, renderMessage } from './src/messages/index.ts'
    import { sms } from './src/channels/sms.ts'
    import { templated } from './src/schemas/channel-settings.ts'
    const languages = new Languages()
    const asked = { recipient: 'de', organization: 'de', enabled: [] }
    await languages.load([asked])
    const nobody = { practitionerName: null, location: null, organizationName: null, recipientName: null, patientName: null }
    const facts = { category: 'CONFIRMATION', start: null, durationMinutes: null, ...nobody, locale: 'de', now: new Date() }
    const message = { channel: templated('SMS', sms.content), templates: {}, facts: { ...facts, wording: languages.wording(asked) } }
    console.log(renderMessage(message).text)
  `
  const result = z.object({ outputFiles: z.array(z.object({ text: z.string() })) }).parse(
    await esbuild.build({
      stdin: { contents: source, resolveDir: root, loader: 'ts' },
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node22',
      logLevel: 'silent',
    }),
  )
  const [bundle] = result.outputFiles
  const said = execFileSync(process.execPath, ['--input-type=module', '-'], { cwd: root, input: bundle?.text ?? '' })
  expect(said.toString()).toBe('Ihr Termin ist bestätigt.\n')
})
