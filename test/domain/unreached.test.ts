import { describe, expect, it } from 'vitest'
import { contacting, type Message, type Waiting } from '../../src/domain/unreached.ts'

const now = new Date('2031-03-10T12:00:00Z')
const hours = (count: number) => new Date(now.getTime() + count * 3_600_000)

const message = (values: Partial<Message> = {}): Message => ({
  channel: 'SMS',
  status: 'FAILED',
  state: 'settled',
  heldAt: null,
  dueAt: null,
  errorCode: null,
  createdAt: hours(-3),
  updatedAt: hours(-2),
  isSilent: false,
  ...values,
})
const reminder = (values: Partial<Waiting> = {}): Waiting => ({
  channel: 'EMAIL',
  status: 'PENDING',
  reminderTime: hours(4),
  heldAt: null,
  updatedAt: hours(-5),
  ...values,
})
const found = (messages: readonly Message[], reminders: readonly Waiting[] = []) => contacting(messages, reminders, now)

describe('whether a person was reached', () => {
  it.each([
    ['delivered', message({ status: 'DELIVERED' }), true],
    ['sent by a provider that reports nothing', message({ status: 'SENT' }), true],
    ['sent by one that should have reported', message({ status: 'SENT', isSilent: true }), false],
    ['bounced', message({ status: 'BOUNCED' }), false],
    ['being sent', message({ status: null, state: 'sending' }), false],
  ])('%s: %#', (_, one, isReached) => {
    expect(found([one, message()])).toMatchObject({ isReached })
  })

  it('goes by what went wrong last, of messages and of reminders that none has', () => {
    const bounced = message({ status: 'BOUNCED', channel: 'EMAIL', updatedAt: hours(-1), errorCode: 'smtp_5.1.1' })
    const failure = { reason: 'bounced', channel: 'EMAIL', at: hours(-1), code: 'smtp_5.1.1' }
    expect(found([message(), bounced])).toMatchObject({ failure })
    expect(found([bounced, message()])).toMatchObject({ failure })
    const failed = reminder({ status: 'FAILED', updatedAt: hours(-0.5) })
    expect(found([bounced], [failed])).toMatchObject({ failure: { reason: 'failed', at: hours(-0.5) } })
  })

  it('knows what is next, and takes what is late for held', () => {
    const queued = message({ status: null, state: 'queued', dueAt: hours(2), createdAt: hours(-0.5) })
    const next = { isReached: false, failure: null, nextAt: hours(2) }
    expect(found([queued], [reminder(), reminder({ status: 'CANCELLED', reminderTime: hours(1) })])).toEqual(next)
    expect(found([{ ...queued, createdAt: hours(-1.5) }])).toMatchObject({ failure: { reason: 'held' } })
    expect(found([], [reminder({ reminderTime: hours(-0.9) })])).toMatchObject({ failure: null })
    const late = { reason: 'held', channel: 'EMAIL', at: hours(-1.1) }
    expect(found([], [reminder({ reminderTime: hours(-1.1) })])).toMatchObject({ failure: late })
    expect(found([], [reminder({ heldAt: hours(-3) })])).toMatchObject({ failure: { reason: 'held', at: hours(-3) } })
    expect(found([], [])).toEqual({ isReached: false, failure: null, nextAt: null })
  })
})
