import type { RequestStore } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'
import { latestOf } from '../kysely/job-leases.ts'
import type { Engine } from './engine.ts'
import { Outdated } from './errors.ts'
import { qualified } from './names.ts'
import { decodeRow, encodeParameter } from './values.ts'

export const requestStore = (engine: Engine): RequestStore => ({
  claim: ({ caller, key, fingerprint, now, leaseUntil, expiresAt }) =>
    engine.write(async ({ run, schema, kinds }) => {
      const table = qualified(schema, 'notification_requests')
      const about = [caller, key].map(encodeParameter)
      // One statement decides: of concurrent callers the others wait for its row, and find it taken. The token is greater
      // than any before it, also of a row that was released: who was taken for dead must not answer for others.
      const claimed = await run<{ token: number; expires_at: number }>(
        `insert into ${table} as found (caller, key, fingerprint, token, answer, lease_until, expires_at)
         values ($1, $2, $3, $4, null, $5, $6)
         on conflict (caller, key) do update set fingerprint = excluded.fingerprint, answer = null,
           token = greatest(found.token + 1, excluded.token), lease_until = excluded.lease_until,
           expires_at = case when found.expires_at <= $7 then excluded.expires_at else found.expires_at end
         where found.expires_at <= $7
           or (found.fingerprint = excluded.fingerprint and found.answer is null
             and (found.lease_until <= $7 or found.lease_until > $8))
         returning token, expires_at`,
        [...about, fingerprint, now.getTime(), leaseUntil, expiresAt, now, new Date(latestOf(leaseUntil))],
      )
      const [won] = claimed.rows.map((row) => decodeRow(row, kinds))
      if (won !== undefined) return { status: 'claimed', token: won.token, expiresAt: new Date(won.expires_at) }
      const { rows } = await run<records.Row<'notification_requests'>>(
        `select * from ${table} where caller = $1 and key = $2`,
        about,
      )
      const [found] = rows
      if (found === undefined) throw new Outdated('the request was released meanwhile')
      if (found.fingerprint !== fingerprint) return { status: 'other_request' }
      return found.answer === null ? { status: 'running' } : { status: 'answered', answer: found.answer }
    }),
  answer: ({ caller, key }, token, answer) =>
    engine.read(
      async ({ statements }) => (await statements.requests.answer.run({ caller, key, token, answer })).changes > 0,
    ),
  release: ({ caller, key }, token) =>
    engine.read(async ({ statements }) => {
      await statements.requests.release.run({ caller, key, token, lease_until: 0 })
    }),
  purge: (now, limit) =>
    engine.read(async ({ statements }) => (await statements.requests.purge.run({ now: now.getTime(), limit })).changes),
})
