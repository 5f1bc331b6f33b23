import { Socket } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { limitsOf } from '../../../../adapters/storage/postgres/limits.ts'
import { ownPool } from '../../../../adapters/storage/postgres/own-pool.ts'
import { runOn } from '../../../../adapters/storage/postgres/source.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())

describe('statements that are given before those before them are answered', () => {
  it('leave together over a connection of the library', async () => {
    const source = ownPool(server.url, 1, limitsOf({}))
    onTestFinished(() => source.close())
    await source.session(({ run }) => run('select 1'))
    const packets = vi.spyOn(Socket.prototype, '_writev')
    onTestFinished(() => packets.mockRestore())
    const answers = await source.session(({ run }) =>
      Promise.all(Array.from({ length: 10 }, (_, index) => run<{ n: string }>('select $1::int as n', [index]))),
    )
    expect(answers.map(({ rows }) => rows[0]?.n)).toEqual(Array.from({ length: 10 }, (_, index) => `${index}`))
    expect(packets).toHaveBeenCalledTimes(1)
  })

  describe.each([true, false])('pipelined: %s', (isPipelined) => {
    async function opened(limitMs: number) {
      const client = new pg.Client({ connectionString: server.url, pipeline: isPipelined })
      await client.connect()
      onTestFinished(() => client.end())
      return runOn(client, limitMs, { isPipelined })
    }

    it('have their time from when the one before was answered', async () => {
      const run = await opened(1500)
      const sleeps = [run('select pg_sleep(0.6)'), run('select pg_sleep(0.6)'), run('select pg_sleep(0.6)')]
      expect(await Promise.all(sleeps)).toHaveLength(3)
    })

    it('reject with what failed first, where they are refused because of it', async () => {
      const run = await opened(10_000)
      await run('begin')
      const asked = [run('select 1 / $1::int', [0]), run('select 1'), run('select 1')]
      const outcomes = await Promise.allSettled(asked)
      expect(outcomes).toMatchObject(asked.map(() => ({ status: 'rejected', reason: { code: '22012' } })))
      await run('rollback')
      expect((await run<{ n: string }>('select 1 as n')).rows).toEqual([{ n: '1' }])
    })
  })
})
