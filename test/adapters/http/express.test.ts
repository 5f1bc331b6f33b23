import type { IncomingMessage } from 'node:http'
import { gzipSync } from 'node:zlib'
import express5 from 'express'
import express4 from 'express4'
import { expect, test } from 'vitest'
import { expressRouter } from '../../../adapters/http/express.ts'
import { type RouterUnderTest, routerConformance } from '../../conformance/http/suite.ts'
import { authenticate, callerHeader, openWorld, service } from '../../conformance/http/world.ts'
import { listening } from './listening.ts'

/** As hosts do that verify signatures themselves. */
const keepBytes = (request: IncomingMessage & { rawBody?: Buffer }, _response: unknown, bytes: Buffer) => {
  request.rawBody = bytes
}

const mountOn =
  (express: typeof express5): RouterUnderTest['mount'] =>
  (library, basePath, { parsed }) => {
    const app = express()
    if (parsed) app.use(express.json({ limit: '10mb', verify: keepBytes }))
    app.use(basePath, expressRouter(library))
    return listening(app.listen(0, '127.0.0.1'))
  }

routerConformance({ name: 'express 5', mount: mountOn(express5) })
routerConformance({ name: 'express 4', mount: mountOn(express4) })

const parsers = {
  'express 5': [express5, express5.json(), express5.raw({ type: '*/*' }), express5.text({ type: '*/*' })],
  'express 4': [express4, express4.json(), express4.raw({ type: '*/*' }), express4.text({ type: '*/*' })],
} as const

test.each(Object.entries(parsers))(
  '%s: a body that a parser in front decompressed is taken',
  async (_name, [express, ...all]) => {
    const world = await openWorld({ authenticate })
    for (const parser of all) {
      const app = express()
      app.use(parser, expressRouter(world))
      const { origin, close } = await listening(app.listen(0, '127.0.0.1'))
      const post = async (text: string) => {
        const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
        const caller = { [callerHeader]: JSON.stringify(service) }
        const init = { method: 'POST', headers: { ...headers, ...caller }, body: gzipSync(text) }
        return (await fetch(`${origin}/reminders/appointment/42`, init)).status
      }
      expect([await post('{"custom_reminders":[24]}'), await post('{"custom_reminders":["x"]}')]).toEqual([201, 422])
      await close()
    }
    await world.stop()
  },
)
