import type * as vendor from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { type BullmqClient, type BullmqLike, bullmq } from '../../../adapters/scheduler/bullmq.ts'
import { silentLogger } from '../../../src/index.ts'
import { schedulerConformance } from '../../conformance/scheduler/index.ts'
import { OffsetClock } from '../../support/offset-clock.ts'
import { hasRedis, type RedisServer, startRedis } from '../../support/redis-server.ts'

let queues = 0

describe.skipIf(!hasRedis)('bullmq', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  const connection = () => ({ path: redis.path, retryStrategy: () => 50 })

  schedulerConformance({
    name: 'bullmq',
    time: 'real',
    async open() {
      queues += 1
      const queue = `test-${queues}`
      return {
        scheduler: () => bullmq({ connection: connection(), queue }),
        empty: () => redis.empty(),
        restart: () => redis.restart(),
      }
    },
  })

  it('uses a client of the host, and leaves it open', async () => {
    const client = new Redis({ path: redis.path, maxRetriesPerRequest: null })
    const scheduler = bullmq({ connection: client, queue: 'of-the-host', prefix: 'clinic' })
    const clock = new OffsetClock()
    const rung = Promise.withResolvers<void>()
    await scheduler.start({ wake: rung.resolve, clock, logger: silentLogger })
    await scheduler.feed?.([new Date(clock.now().getTime() + 60_000), new Date(clock.now().getTime() + 100)])
    await rung.promise
    const alarms = async () => (await client.keys('clinic:of-the-host:alarm-*')).filter((key) => /\d$/.test(key))
    // The alarm that rang is gone, the other waits.
    await expect.poll(alarms).toHaveLength(1)
    await scheduler.stop()
    expect(await client.ping()).toBe('PONG')
    await client.quit()
  })

  it('is what BullMQ and ioredis are', () => {
    expectTypeOf<typeof vendor>().toExtend<BullmqLike>()
    expectTypeOf<Redis>().toExtend<BullmqClient>()
    expectTypeOf<Pick<vendor.JobsOptions, 'jobId' | 'delay'>>().toExtend<{ jobId?: string; delay?: number }>()
  })
})

it('refuses options that cannot be used', () => {
  expect(() => bullmq({ connection: {}, queue: 'a:b' })).toThrow(/"queue" must be a name without a colon/)
  expect(() => bullmq({ connection: {}, windowMs: 1 })).toThrow(/windowMs must be 10000 to 86400000/)
})
