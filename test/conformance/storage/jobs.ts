import { expect, it } from 'vitest'
import { minutes, type Starter, t0 } from './harness.ts'

export function jobs({ migrated }: Starter): void {
  it('gives a job to one of many', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? storage : other).jobs.acquire('tidy', `worker-${index}`, t0, minutes(1)),
      ),
    )
    expect(taken.filter(Boolean)).toHaveLength(1)
  })

  it('lets its holder extend it, and nobody else take it before its end', async () => {
    const { storage } = await migrated()
    expect(await storage.jobs.acquire('tidy', 'one', t0, minutes(1))).toBe(true)
    expect(await storage.jobs.acquire('tidy', 'one', t0, minutes(3))).toBe(true)
    expect(await storage.jobs.acquire('tidy', 'two', minutes(2), minutes(9))).toBe(false)
    expect(await storage.jobs.acquire('tidy', 'two', minutes(3), minutes(9))).toBe(true)
    expect(await storage.jobs.acquire('tidy', 'one', minutes(4), minutes(9))).toBe(false)
  })

  it('does not believe a lease that ends later than its length: the clock of who took it was ahead', async () => {
    const { storage } = await migrated()
    const ahead = 2 * 24 * 60
    expect(await storage.jobs.acquire('tidy', 'ahead', minutes(ahead), minutes(ahead + 5))).toBe(true)
    // A little is what two clocks may differ by.
    expect(await storage.jobs.acquire('tidy', 'two', minutes(ahead - 0.9), minutes(ahead + 4.1))).toBe(false)
    expect(await storage.jobs.acquire('tidy', 'two', t0, minutes(5))).toBe(true)
    expect(await storage.jobs.acquire('tidy', 'ahead', t0, minutes(5))).toBe(false)
    expect(await storage.jobs.join('send', 'ahead', minutes(ahead), minutes(ahead + 0.5))).toEqual(['ahead'])
    expect(await storage.jobs.join('send', 'b', t0, minutes(0.5))).toEqual(['b'])
  })

  it('is free once given back, by its holder only', async () => {
    const { storage } = await migrated()
    await storage.jobs.acquire('tidy', 'one', t0, minutes(1))
    await storage.jobs.release('tidy', 'two')
    expect(await storage.jobs.acquire('tidy', 'two', t0, minutes(1))).toBe(false)
    await storage.jobs.release('tidy', 'one')
    expect(await storage.jobs.acquire('tidy', 'two', t0, minutes(1))).toBe(true)
  })

  it('keeps how far a job is for its next holder, until it is finished', async () => {
    const { storage, another } = await migrated()
    const { jobs } = await another()
    expect(await jobs.progress('tidy')).toBeNull()
    await storage.jobs.acquire('tidy', 'one', t0, minutes(1))
    expect(await jobs.progress('tidy')).toBeNull()
    expect(await storage.jobs.keepProgress('tidy', 'one', 'half')).toBe(true)
    expect(await jobs.progress('tidy')).toEqual({ progress: 'half', heldUntil: minutes(1) })
    await storage.jobs.release('tidy', 'one')
    expect((await jobs.progress('tidy'))?.heldUntil.getTime()).toBeLessThan(t0.getTime())
    expect(await storage.jobs.keepProgress('tidy', 'two', 'all')).toBe(false)
    expect(await storage.jobs.acquire('tidy', 'two', t0, minutes(2))).toBe(true)
    expect(await storage.jobs.keepProgress('tidy', 'one', 'less')).toBe(false)
    expect(await jobs.progress('tidy')).toEqual({ progress: 'half', heldUntil: minutes(2) })
    expect(await storage.jobs.keepProgress('tidy', 'two', null)).toBe(true)
    await storage.jobs.release('tidy', 'two')
    expect(await jobs.progress('tidy')).toBeNull()
  })

  it('keeps jobs of different names apart', async () => {
    const { storage } = await migrated()
    expect(await storage.jobs.acquire('tidy', 'one', t0, minutes(1))).toBe(true)
    expect(await storage.jobs.acquire('compare', 'two', t0, minutes(1))).toBe(true)
    await storage.jobs.release('compare', 'two')
    expect(await storage.jobs.acquire('tidy', 'two', t0, minutes(1))).toBe(false)
  })

  it('tells the members of a group, those only whose time is not over, alike to all', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    expect(await storage.jobs.join('send', 'b', t0, minutes(1))).toEqual(['b'])
    expect(await other.jobs.join('send', 'a', t0, minutes(2))).toEqual(['a', 'b'])
    expect(await storage.jobs.join('count', 'c', t0, minutes(2))).toEqual(['c'])
    expect(await storage.jobs.join('send', 'b', minutes(0.5), minutes(1.5))).toEqual(['a', 'b'])
    const day = minutes(24 * 60)
    expect(await other.jobs.members('send', minutes(0.5), day)).toEqual(['a', 'b'])
    expect(await other.jobs.members('send', minutes(1.5), day)).toEqual(['a'])
    expect(await other.jobs.members('nothing', t0, day)).toEqual([])
    expect(await storage.jobs.join('send', 'a', minutes(1.5), minutes(4))).toEqual(['a'])
    await other.jobs.leave('send', 'a')
    expect(await storage.jobs.join('send', 'b', minutes(2), minutes(3))).toEqual(['b'])
  })

  it('lets many join at once, each of whom is a member', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    // Those of before are over and in the way.
    await Promise.all(Array.from({ length: 20 }, (_, index) => storage.jobs.join('send', `w${index}`, t0, minutes(1))))
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? storage : other).jobs.join('send', `w${index}`, minutes(2), minutes(3)),
      ),
    )
    expect(await storage.jobs.join('send', 'w0', minutes(2), minutes(3))).toHaveLength(20)
  })
}
