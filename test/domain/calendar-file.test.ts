import { describe, expect, it } from 'vitest'
import { calendarHeld, calendarStep } from '../../src/domain/calendar-file.ts'

const first = {
  id: 1,
  category: 'CONFIRMATION',
  status: 'SENT',
  state: 'settled',
  unknownOutcomes: 0,
  calendar: { sequence: 0, organizer: 'desk@harbour.example' },
} as const

describe('what a calendar holds', () => {
  it.each([
    ['sent', {}, true],
    ['delivered', { status: 'DELIVERED' }, true],
    ['being sent', { status: null, state: 'sending' }, true],
    ['tried again after an unknown outcome', { status: null, state: 'queued', unknownOutcomes: 1 }, true],
    ['failed after an unknown outcome', { status: 'FAILED', unknownOutcomes: 1 }, true],
    ['held, since its worker died while it was sent', { status: null, state: 'unknown' }, true],
    ['tried again', { status: null, state: 'queued' }, false],
    ['failed', { status: 'FAILED' }, false],
    ['bounced', { status: 'BOUNCED' }, false],
  ] as const)('by a message that was %s', (_, change, isThere) => {
    expect(calendarHeld([{ ...first, ...change }])?.isThere ?? false).toBe(isThere)
  })

  it('is taken out by every attempt at the message that does so, and by no other afterwards', () => {
    const taking = { id: 2, category: 'RESCHEDULE', calendar: { sequence: 1, organizer: null } } as const
    const inDoubt = { ...first, ...taking, status: null, state: 'queued', unknownOutcomes: 1 } as const
    const about = { last: 1, sender: 'new@harbour.example', mayBegin: true, saysWhen: false, isRight: false }
    const files = [inDoubt, first]
    const again = calendarStep(inDoubt, { ...about, held: calendarHeld(files, inDoubt.id) })
    expect(again).toEqual({ method: 'CANCEL', sequence: 1, organizer: 'desk@harbour.example' })
    const next = { ...inDoubt, id: 3, unknownOutcomes: 0, calendar: null }
    expect(calendarStep(next, { ...about, held: calendarHeld(files, next.id) })).toBeNull()
    // The same message, which may say more by now, brings it back by a newer file.
    const back = calendarStep(inDoubt, { ...about, held: calendarHeld(files, inDoubt.id), saysWhen: true })
    expect(back).toEqual({ method: 'REQUEST', sequence: 2, organizer: 'desk@harbour.example' })
  })
})
