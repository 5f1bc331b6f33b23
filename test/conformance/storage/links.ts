import { expect, it } from 'vitest'
import type { LinkRow } from '../../../src/index.ts'
import { minutes, type Starter, t0, textIds } from './harness.ts'
import { organizationId } from './rows.ts'

const link = (given: Partial<LinkRow> = {}): LinkRow => ({
  hash: 'hash-1',
  organizationId,
  purpose: 'confirm',
  recipient: { type: 'PATIENT', id: 7 },
  appointmentId: 42,
  channel: 'EMAIL',
  category: 'REMINDER',
  startsAt: minutes(60),
  contact: null,
  expiresAt: minutes(60),
  createdAt: t0,
  ...given,
})
const bare = { appointmentId: null, channel: null, category: null, startsAt: null, purpose: 'preferences' } as const

export function links({ migrated }: Starter): void {
  it('keeps links by their hashes; one that is there stays as it is', async () => {
    const { storage, another } = await migrated()
    const [first, second] = [link(), link({ hash: 'hash-2', contact: 'v1:sealed', ...bare })]
    await storage.links.add([first, second])
    await Promise.all([storage.links.add([link({ purpose: 'cancel' })]), storage.links.add([link({ contact: 'x' })])])
    const other = await another()
    expect(await other.links.find(['unknown', 'hash-1'])).toEqual(first)
    expect(await other.links.find(['hash-2'])).toEqual(second)
    expect(await other.links.find(['unknown'])).toBeNull()
    expect(await other.links.find([])).toBeNull()
  })

  it('revokes one, those of a person, or those of an appointment, of one organization', async () => {
    const { storage } = await migrated()
    const all = [
      link(),
      link({ hash: 'hash-2', appointmentId: 43 }),
      link({ hash: 'hash-3', recipient: { type: 'CLIENT', id: 7 }, ...bare }),
      link({ hash: 'hash-4', organizationId: 'other' }),
    ]
    const left = async () => {
      const found = await Promise.all(all.map(({ hash }) => storage.links.find([hash])))
      return found.flatMap((one) => (one === null || one.purpose === 'revoked' ? [] : one.hash))
    }
    await storage.links.add(all)
    await storage.links.revoke({ organizationId, appointmentId: 42 })
    expect(await left()).toEqual(['hash-2', 'hash-3', 'hash-4'])
    await storage.links.revoke({ organizationId, recipient: { type: 'PATIENT', id: 7 } })
    expect(await left()).toEqual(['hash-3', 'hash-4'])
    await storage.links.revoke({ hash: 'hash-3' })
    expect(await left()).toEqual(['hash-4'])
    // A message that is sent again brings back none.
    await storage.links.add(all)
    expect(await left()).toEqual(['hash-4'])
    expect(await storage.links.purge(minutes(60), 9)).toBe(4)
  })

  it('removes what is over, a few at a time', async () => {
    const { storage } = await migrated()
    await storage.links.add([1, 2, 3].map((count) => link({ hash: `hash-${count}`, expiresAt: minutes(count) })))
    expect([await storage.links.purge(minutes(2), 1), await storage.links.purge(minutes(2), 9)]).toEqual([1, 1])
    expect(await storage.links.find(['hash-3'])).not.toBeNull()
  })

  it('has ids that are text', async () => {
    const { storage } = await migrated(textIds)
    const given = link({ recipient: { type: 'PATIENT', id: '007' }, appointmentId: 'a-1' })
    await storage.links.add([given])
    expect(await storage.links.find(['hash-1'])).toEqual(given)
  })
}
