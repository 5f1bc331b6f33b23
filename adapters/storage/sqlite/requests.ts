import type { RequestStore } from '../../../src/index.ts'
import { latestOf } from '../kysely/job-leases.ts'
import type { Engine } from './engine.ts'

export const requestStore = (engine: Engine): RequestStore => ({
  claim: ({ caller, key, fingerprint, now, leaseUntil, expiresAt }) =>
    engine.write(({ statements: { requests } }) => {
      const found = requests.get.get({ caller, key })
      const before = found === undefined || found.expires_at <= now.getTime() ? undefined : found
      if (before !== undefined) {
        if (before.fingerprint !== fingerprint) return { status: 'other_request' }
        if (before.answer !== null) return { status: 'answered', answer: before.answer }
        const isBelieved = before.lease_until <= latestOf(leaseUntil)
        if (before.lease_until > now.getTime() && isBelieved) return { status: 'running' }
      }
      requests.delete.run({ caller, key })
      const expiry = before === undefined ? expiresAt : new Date(before.expires_at)
      // Greater than any token before it: who was taken for dead must not answer for others.
      const token = Math.max((found?.token ?? 0) + 1, now.getTime())
      requests.insert.run({
        caller,
        key,
        fingerprint,
        token,
        answer: null,
        lease_until: leaseUntil.getTime(),
        expires_at: expiry.getTime(),
      })
      return { status: 'claimed', token, expiresAt: expiry }
    }),
  answer: ({ caller, key }, token, answer) =>
    engine.write(({ statements }) => statements.requests.answer.run({ caller, key, token, answer }).changes > 0),
  release: ({ caller, key }, token) =>
    engine.write(({ statements }) => {
      statements.requests.release.run({ caller, key, token, lease_until: 0 })
    }),
  purge: (now, limit) =>
    engine.write(({ statements }) => statements.requests.purge.run({ now: now.getTime(), limit }).changes),
})
