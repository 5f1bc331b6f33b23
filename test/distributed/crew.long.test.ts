/** A worker that ends on its own is a broken promise, even where the others do its work. */
import { expect, it } from 'vitest'
import { startCrew } from './crew.ts'

const spec = {
  // Nobody listens there.
  url: 'postgres://127.0.0.1:1/none',
  schema: 'none',
  calendar: { firstDueAt: 0, spreadMs: 0, appointments: 1, organizations: 1 },
  relayPort: 1,
  smtpPort: null,
  leaseMs: 60_000,
}

it('reports a worker that ends on its own', { timeout: 60_000 }, async () => {
  const crew = await startCrew(1, spec)
  crew.go(0)
  await expect.poll(() => crew.faults, { timeout: 50_000 }).toEqual(['worker w1 ended on its own: 1'])
  await crew.stop()
  expect(crew.faults).toHaveLength(1)
})

it('reports none of those that are stopped', async () => {
  const crew = await startCrew(2, spec)
  await crew.stop()
  expect(crew.faults).toEqual([])
})

it('refuses to start without one of them', async () => {
  await expect(startCrew(2, { ...spec, leaseMs: 0.5 })).rejects.toThrow('worker w2 ended on its own: 1')
})
