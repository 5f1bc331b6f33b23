import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { fileURLToPath } from 'node:url'
import { capture } from 'appointment-notifications/capture'
import { expressRouter } from 'appointment-notifications/express'
import { fastifyPlugin } from 'appointment-notifications/fastify'
import express from 'express'
import fastify from 'fastify'
import { z } from 'zod'
import { everybody, idsFrom, openClinic, overAMonth } from '../clinic.ts'
import { type Figure, type Sample, Samples, timed } from '../measure.ts'
import { measures } from '../measures.ts'
import { fileStore } from '../stores.ts'
import type { World } from '../world.ts'

const rounds = 3
const requests = 6_000
const connections = 16

const portOf = (server: Server): number => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Reads the list of reminders over HTTP: through the router, and through a bare route that asks the same service. */
export async function router({ directory }: World): Promise<Figure[]> {
  const place = await fileStore(directory).make()
  const library = await openClinic({
    storage: place.storage(),
    transport: capture(),
    startOf: overAMonth(Date.now()),
    hasPhone: everybody,
    authenticate: () => ({ kind: 'service' }),
    rateLimits: false,
  })
  await library.notifications.scheduleMany(idsFrom(1, 100))
  const read = (id: string) => library.notifications.getReminders(Number(id))

  const app = express()
  app.use('/api/notifications', expressRouter(library))
  app.get('/bare/:id', async (request, response) => {
    response.json({ reminders: await read(request.params.id) })
  })
  const onExpress = createServer(app).listen(0, '127.0.0.1')
  await once(onExpress, 'listening')

  const quick = fastify()
  await quick.register(fastifyPlugin(library), { prefix: '/api/notifications' })
  quick.get<{ Params: { id: string } }>('/bare/:id', async (request) => ({ reminders: await read(request.params.id) }))
  await quick.listen({ port: 0, host: '127.0.0.1' })

  const load = fork(fileURLToPath(new URL('../load.ts', import.meta.url)))
  const drive = async (port: number, path: string): Promise<Sample> =>
    timed(requests, async () => {
      load.send({ port, path, requests, connections })
      const [message] = await once(load, 'message')
      z.object({ done: z.literal(true) }).parse(message)
    })

  const samples = new Samples()
  const note = 'on SQLite; bare: a route that asks the same service; load from another process'
  for (const [measure, port] of [
    [measures.overExpress, portOf(onExpress)],
    [measures.overFastify, portOf(quick.server)],
  ] as const) {
    for (let round = -1; round < rounds; round++) {
      const mine = await drive(port, '/api/notifications/reminders/appointment/7')
      const bare = await drive(port, '/bare/7')
      // The first round warms both up.
      if (round < 0) continue
      samples.add(measure, { name: 'ours on SQLite', durability: '' }, note, mine)
      samples.add(measure, { name: 'bare route', durability: '' }, note, bare)
    }
  }
  load.disconnect()
  onExpress.close()
  onExpress.closeAllConnections()
  await quick.close()
  await library.stop()
  await place.drop()
  return samples.figures()
}
