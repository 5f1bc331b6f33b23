import { expect, test } from 'vitest'
import { ask, openWorld } from '../conformance/http/world.ts'
import { openClinic } from '../support/clinic.ts'

const get = (path: string) => ({ method: 'GET', path, caller: null })

test('without the option the page is 404 and says how to have it; the description is there', async () => {
  const clinic = await openClinic('2024-09-20T12:00:00Z')
  for (const path of ['/docs', '/docs/', '/docs/page.css']) {
    const { status, answer } = await ask(clinic, get(path))
    expect([status, answer]).toEqual([404, expect.objectContaining({ detail: expect.stringContaining('swaggerUi()') })])
  }
  expect((await ask(clinic, get('/openapi.json'))).answer).toMatchObject({
    openapi: '3.1.0',
    servers: [{ url: '.' }],
    paths: { '/docs': { get: { operationId: 'docs.page', security: [{}, { caller: [] }] } } },
  })
  await clinic.stop()
})

test('a page that never comes is 503 after ten seconds', async () => {
  const docs = { page: () => new Promise<never>(() => {}), asset: async () => null }
  const world = await openWorld({ docs })
  const page = ask(world, get('/docs'))
  await world.clock.advance(10_000)
  expect(await page).toMatchObject({ status: 503, answer: { code: 'host_timeout' } })
  await world.stop()
})

test('the description names the public URL where the host told it', async () => {
  const world = await openWorld({ publicUrl: 'https://clinic.example/notify/' })
  const { answer } = await ask(world, get('/openapi.json'))
  expect(answer).toMatchObject({ servers: [{ url: '.' }, { url: 'https://clinic.example/notify' }] })
  await world.stop()
})

test('the page loads its own files and nothing else: no inline script, no other host', async () => {
  const world = await openWorld()
  const page = await ask(world, get('/docs'))
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
  expect(page.text).not.toMatch(/https?:|<script>|<style|\son\w+=/)
  const policy = page.headers['content-security-policy']?.split('; ') ?? []
  expect(policy).toEqual(expect.arrayContaining(["default-src 'none'", "script-src 'self'", "connect-src 'self'"]))
  expect(policy.join()).not.toMatch(/https?:|\*|'unsafe-eval'/)
  const script = await ask(world, get('/docs/swagger-ui-bundle.js'))
  expect(script).toMatchObject({
    status: 200,
    headers: { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'public, max-age=3600' },
  })
  expect(script.text).toContain('SwaggerUIBundle')
  await world.stop()
})
