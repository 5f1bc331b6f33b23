/** Whatever providers do, and in whatever order: nothing goes twice but by an unknown outcome, and nothing is forgotten. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { accountsOf, type Mood, openLine } from './line.ts'

const now = '2026-03-18T12:00:00Z'
const names = ['a', 'b', 'c']

const step = fc.record({
  account: fc.constantFrom(...names),
  mood: fc.constantFrom<Mood>('well', 'refuses', 'busy', 'drops', 'silent', 'slow'),
  messages: fc.integer({ min: 0, max: 4 }),
  waitMs: fc.integer({ min: 0, max: 120_000 }),
})
const policy = fc.constantFrom('retry', 'retry_elsewhere', 'hold')
const weights = fc.constantFrom({}, { a: 1, b: 1 }, { b: 3, c: 1 })

it('sends each message once, or by an unknown outcome again', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      policy,
      weights,
      async (steps, unknownOutcome, shares) => {
        const clock = new ManualClock(now)
        const line = openLine(clock)
        const clinic = await openClinic(now, { clock, transports: [line.transport], sendTimeoutMs: 60_000 })
        await clinic.settings.createOrganizationSettings(organizationId, {
          ...accountsOf(names, shares),
          unknownOutcome,
        })
        await clinic.start()
        let id = 0
        for (const { account, mood, messages, waitMs } of steps) {
          line.moods.set(account, mood)
          for (let index = 0; index < messages; index += 1) {
            id += 1
            const recipients = [{ ...ada, id, email: null, phone: `+1415555${1000 + id}` }]
            clinic.host.book({ id, startsAt: '2026-03-20T15:00:00Z', recipients })
            await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION', channel: 'SMS' })
          }
          await clock.advance(waitMs)
        }
        line.moods.clear()
        await clock.advance(3_600_000)
        const { notifications } = await clinic.notifications.history({ state: 'all', limit: 100 })
        expect(notifications).toHaveLength(id)
        for (const { recipientPhone, status, state } of notifications) {
          const own = line.attempts.filter(({ to }) => to === recipientPhone)
          const received = own.filter(({ isReceived }) => isReceived)
          const unknown = own.findIndex(({ isUnknown }) => isUnknown)
          const unknowns = own.filter(({ isUnknown }) => isUnknown).length
          expect(received.length).toBeLessThanOrEqual(unknowns + 1)
          if (unknown < 0) {
            expect(status).toBe('SENT')
            expect(received).toHaveLength(1)
          } else {
            expect(status === 'SENT' || state === 'unknown').toBe(true)
            const later = new Set(own.slice(unknown).map(({ account }) => account))
            if (unknownOutcome === 'retry') expect(later.size).toBe(1)
            if (unknownOutcome === 'hold') expect(own).toHaveLength(unknown + 1)
          }
        }
        const stopped = clinic.stop()
        await clock.advance(60_000)
        await stopped
      },
    ),
    { numRuns: 40 },
  )
})
