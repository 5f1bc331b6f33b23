import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import type { NodeRedisLike } from '../../src/index.ts'
import { admin, ask, openWorld, type World } from '../conformance/http/world.ts'
import { hasRedis, startRedis } from '../support/redis-server.ts'

/** As much of a client as evaluates a script that answers with integers; rejects once the connection is lost. */
async function clientOf(path: string): Promise<NodeRedisLike & { readonly close: () => void }> {
  const socket = connect({ path })
  await once(socket, 'connect')
  const waiting: ((lines: readonly string[] | Error) => void)[] = []
  let lines: string[] = []
  createInterface(socket).on('line', (line) => {
    lines.push(line)
    // `*2`, then `:count` and `:left`.
    if (line.startsWith('-')) waiting.shift()?.(new Error(line))
    else if (lines.length === 3) waiting.shift()?.(lines)
    if (line.startsWith('-') || lines.length === 3) lines = []
  })
  socket.on('close', () => {
    for (const tell of waiting.splice(0)) tell(new Error('closed'))
  })
  return {
    close: () => socket.destroy(),
    eval(script, { keys, arguments: rest }) {
      const words = ['EVAL', script, String(keys.length), ...keys, ...rest]
      const bulk = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')
      return new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error('closed'))
        waiting.push((told) =>
          told instanceof Error ? reject(told) : resolve(told.slice(1).map((line) => Number(line.slice(1)))),
        )
        socket.write(`*${words.length}\r\n${bulk}`)
      })
    },
  }
}

test.skipIf(!hasRedis)('security checklist: Rate limits, kept in Redis, are shared, and outlive it', async () => {
  const redis = await startRedis()
  const clients = [await clientOf(redis.path), await clientOf(redis.path)]
  const reading = { points: 3, durationSeconds: 3600 }
  const worlds = await Promise.all(
    clients.map((client) => openWorld({ rateLimits: { reading, store: { redis: client } } })),
  )
  const read = async (world: World) => (await ask(world, { method: 'GET', path: '/statistics', caller: admin })).status
  const statuses = await Promise.all([...worlds, ...worlds, ...worlds].map(read))
  expect(statuses.sort()).toEqual([200, 200, 200, 429, 429, 429])
  expect(worlds.map(({ log }) => log.lines)).toEqual([[], []])
  await redis.stop()
  for (const world of worlds) {
    expect(await read(world)).toBe(200)
    expect(world.log.lines.join()).toContain('rate limit store failed')
    await world.stop()
  }
  for (const client of clients) client.close()
})
