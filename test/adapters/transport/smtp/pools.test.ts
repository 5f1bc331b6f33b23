import { describe, expect, it } from 'vitest'
import { createPools, type PoolLimits } from '../../../../adapters/transport/smtp/pools.ts'

function setUp(limits: Partial<PoolLimits> = {}) {
  const pools = createPools<{ name: string; close(): void }>({
    idleMs: 60_000,
    maxPools: 50,
    maxAgeMs: 60_000,
    ...limits,
  })
  const opened: string[] = []
  const closed: string[] = []
  const open = (key: string) => async () => {
    const name = `${key}#${opened.length}`
    opened.push(name)
    return { name, close: () => void closed.push(name) }
  }
  /** Uses the pool of `key` until the returned function is called; resolves with its name. */
  const hold = (key: string, organizationId = key) => {
    const gate = Promise.withResolvers<void>()
    const used = pools.use(
      { key, organizationId },
      open(key),
      async ({ name }) => gate.promise.then(() => name),
      () => false,
    )
    return async () => {
      gate.resolve()
      return used
    }
  }
  const use = (key: string, organizationId?: string) => hold(key, organizationId)()
  const fail = (key: string, unsound: boolean) =>
    pools.use(
      { key, organizationId: key },
      open(key),
      () => Promise.reject(new Error('failed')),
      () => unsound,
    )
  return { pools, opened, closed, open, hold, use, fail }
}
/** Closing waits for a pool that may still be opening. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('pools', () => {
  it('are opened once for concurrent uses of a key', async () => {
    const { opened, hold, use } = setUp()
    const release = hold('a')
    expect([await use('a'), await use('a'), await release()]).toEqual(['a#0', 'a#0', 'a#0'])
    expect(opened).toEqual(['a#0'])
  })

  it('make room for others, the one unused for longest first', async () => {
    const { closed, use } = setUp({ maxPools: 2 })
    await use('a')
    await use('b')
    await use('a')
    await use('c')
    await settled()
    expect(closed).toEqual(['b#1'])
  })

  it('make room without closing one that is sending', async () => {
    const { closed, hold, use } = setUp({ maxPools: 2 })
    const release = hold('a')
    await use('b')
    await use('c')
    await settled()
    expect(closed).toEqual(['b#1'])
    const others = [hold('d'), hold('e')]
    await settled()
    expect(closed).toEqual(['b#1', 'c#2'])
    await release()
    await settled()
    expect(closed).toEqual(['b#1', 'c#2', 'a#0'])
    for (const done of others) await done()
  })

  it('are closed when their last organization moves to other credentials, after the sends in progress', async () => {
    const { closed, hold, use } = setUp()
    await use('shared', 'org-1')
    const release = hold('shared', 'org-2')
    await use('own-1', 'org-1')
    await settled()
    expect(closed).toEqual([])
    await use('own-2', 'org-2')
    await settled()
    expect(closed).toEqual([])
    expect(await release()).toBe('shared#0')
    await settled()
    expect(closed).toEqual(['shared#0'])
  })

  it('are replaced when old', async () => {
    const { closed, use } = setUp({ maxAgeMs: -1 })
    expect([await use('a'), await use('a')]).toEqual(['a#0', 'a#1'])
    await settled()
    expect(closed).toEqual(['a#0'])
  })

  it('are replaced after a failure that makes them unsound, and only then', async () => {
    const { fail, use } = setUp()
    await expect(fail('a', false)).rejects.toThrow('failed')
    expect(await use('a')).toBe('a#0')
    await expect(fail('a', true)).rejects.toThrow('failed')
    expect(await use('a')).toBe('a#1')
  })

  it('that do not open are tried again by the next use', async () => {
    const { pools, use } = setUp()
    const broken = pools.use(
      { key: 'a', organizationId: 'a' },
      () => Promise.reject(new Error('no')),
      async () => {},
      () => true,
    )
    await expect(broken).rejects.toThrow('no')
    expect(await use('a')).toBe('a#0')
    await pools.close()
  })

  it('close all at the end, once, after the sends in progress', async () => {
    const { pools, closed, hold, use } = setUp()
    await use('a')
    const release = hold('b')
    const closing = Promise.all([pools.close(), pools.close()])
    await settled()
    expect(closed).toEqual(['a#0'])
    await release()
    await closing
    expect(closed).toEqual(['a#0', 'b#1'])
  })
})
