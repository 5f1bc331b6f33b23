import { expect, it } from 'vitest'
import { minutes, type Starter, t0 } from './harness.ts'

const key = { caller: 'staff:clinic:7', key: 'a-key' }
const request = {
  ...key,
  fingerprint: 'one',
  now: t0,
  leaseUntil: minutes(1),
  expiresAt: minutes(24 * 60),
}

export function requests({ migrated }: Starter): void {
  it('gives a key to one of twins', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? storage : other).requests.claim(request)),
    )
    expect(claims.filter((claim) => claim.status === 'claimed')).toHaveLength(1)
    expect(claims.filter((claim) => claim.status === 'running')).toHaveLength(19)
  })

  it('replays the answer to the same request only, and to its caller only', async () => {
    const { storage } = await migrated()
    const claim = await storage.requests.claim(request)
    if (claim.status !== 'claimed') throw new Error(claim.status)
    expect(await storage.requests.answer(key, claim.token, '{"status":201}')).toBe(true)
    expect(await storage.requests.claim(request)).toEqual({ status: 'answered', answer: '{"status":201}' })
    expect(await storage.requests.claim({ ...request, fingerprint: 'two' })).toEqual({ status: 'other_request' })
    expect(await storage.requests.claim({ ...request, caller: 'staff:other:7' })).toMatchObject({ status: 'claimed' })
  })

  it('may be claimed anew after its lease, and the one taken for dead cannot answer or release', async () => {
    const { storage } = await migrated()
    const first = await storage.requests.claim(request)
    const late = { ...request, now: minutes(2), leaseUntil: minutes(3) }
    expect(await storage.requests.claim({ ...late, fingerprint: 'two' })).toEqual({ status: 'other_request' })
    const second = await storage.requests.claim(late)
    if (first.status !== 'claimed' || second.status !== 'claimed') throw new Error('not claimed')
    expect(await storage.requests.answer(key, first.token, 'stale')).toBe(false)
    await storage.requests.release(key, first.token)
    expect(await storage.requests.claim(late)).toEqual({ status: 'running' })
    expect(await storage.requests.answer(key, second.token, 'fresh')).toBe(true)
    expect(await storage.requests.claim(late)).toEqual({ status: 'answered', answer: 'fresh' })
  })

  it('may be claimed anew where its lease ends later than leases do: the clock of its process was ahead', async () => {
    const { storage } = await migrated()
    const ahead = 2 * 24 * 60
    const expiresAt = minutes(2 * ahead)
    const long = { ...request, now: minutes(ahead), leaseUntil: minutes(ahead + 1), expiresAt }
    const first = await storage.requests.claim(long)
    expect(first.status).toBe('claimed')
    const little = { ...long, now: minutes(ahead - 0.9), leaseUntil: minutes(ahead + 0.1) }
    expect(await storage.requests.claim(little)).toEqual({ status: 'running' })
    expect(await storage.requests.claim(request)).toMatchObject({ status: 'claimed' })
  })

  it('may be claimed anew by the same request after a release, but not after an answer', async () => {
    const { storage } = await migrated()
    const first = await storage.requests.claim(request)
    if (first.status !== 'claimed') throw new Error(first.status)
    await storage.requests.release(key, first.token)
    expect(await storage.requests.claim({ ...request, fingerprint: 'two' })).toEqual({ status: 'other_request' })
    const second = await storage.requests.claim(request)
    if (second.status !== 'claimed') throw new Error(second.status)
    await storage.requests.answer(key, second.token, 'answer')
    await storage.requests.release(key, second.token)
    expect(await storage.requests.claim(request)).toEqual({ status: 'answered', answer: 'answer' })
  })

  it('lives until its first expiry, however often it is claimed anew', async () => {
    const { storage } = await migrated()
    const { expiresAt } = request
    const first = await storage.requests.claim(request)
    expect(first).toMatchObject({ status: 'claimed', expiresAt })
    if (first.status !== 'claimed') throw new Error(first.status)
    await storage.requests.release(key, first.token)
    const later = { ...request, now: minutes(60), leaseUntil: minutes(61), expiresAt: minutes(25 * 60) }
    const second = await storage.requests.claim(later)
    expect(second).toMatchObject({ status: 'claimed', expiresAt })
    if (second.status !== 'claimed') throw new Error(second.status)
    expect(second.token).toBeGreaterThan(first.token)
    const after = { ...later, now: expiresAt, leaseUntil: minutes(24 * 60 + 1), expiresAt: minutes(48 * 60) }
    expect(await storage.requests.claim(after)).toMatchObject({ status: 'claimed', expiresAt: after.expiresAt })
  })

  it('forgets a key when it expires, and purges what expired, a limit at a time', async () => {
    const { storage } = await migrated()
    for (const name of ['a', 'b', 'c']) await storage.requests.claim({ ...request, key: name })
    await storage.requests.claim({ ...request, key: 'kept', expiresAt: minutes(48 * 60) })
    const after = request.expiresAt
    expect(
      await storage.requests.claim({
        ...request,
        key: 'a',
        fingerprint: 'two',
        now: after,
        expiresAt: minutes(48 * 60),
      }),
    ).toMatchObject({
      status: 'claimed',
    })
    expect(await storage.requests.purge(after, 1)).toBe(1)
    expect(await storage.requests.purge(after, 10)).toBe(1)
    expect(await storage.requests.purge(after, 10)).toBe(0)
    expect(await storage.requests.claim({ ...request, key: 'kept', fingerprint: 'two', now: after })).toEqual({
      status: 'other_request',
    })
  })
}
