import { describe, expect, it } from 'vitest'
import { judge } from './judge.ts'
import { type CrashRun, smallPlan } from './run.ts'

const due = 1_000_000
const mail = (at: number, messageId = '<one@example.com>', to = 'a1@example.org') => ({
  at,
  to,
  messageId,
  appointmentId: 1,
})
const reminder = { id: 11, appointmentId: 1, status: 'SENT', reason: null, time: due } as const
const delivery = {
  id: 21,
  appointmentId: 1,
  reminderId: 11,
  status: 'SENT',
  state: 'settled',
  fence: 1,
  attempts: 1,
  messageId: '<one@example.com>',
} as const
const intentAt = (at: number) => ({ appointmentId: 1, at, entries: '[{"action":"send","rule":"allowed"}]' })
const heldAt = (at: number) => ({ appointmentId: 1, at, entries: '[{"action":"held","rule":"unknown_hold"}]' })
const held = { deliveryId: 21, fence: 1, appointmentId: 1 }
const kill = { at: due + 20, how: 'after_send', holds: [held] } as const
const cancel = {
  appointmentId: 1,
  way: 'cancelReminders',
  calledAt: due + 1,
  committedAt: due + 2,
  inFlight: 0,
} as const

/** One reminder, sent as it should be; `change` makes the run that is to be judged. */
const run = (change: Partial<CrashRun> = {}): CrashRun => {
  const kills = change.kills ?? []
  const base = {
    mails: [mail(due + 10)],
    settlements: [],
    kills,
    cancels: [],
    changes: [],
    dueOf: new Map([[1, due]]),
    reminders: [reminder],
    deliveries: [delivery],
    decisions: [intentAt(due + 5)],
    counts: [{ status: 'SENT', count: 1 }],
    health: 'ok',
    faults: [],
    said: [],
    restedAfterMs: 0,
    directory: '',
  }
  const plan = {
    ...smallPlan,
    seed: 1,
    reminders: 1,
    kills: kills.length,
    pauses: 0,
    cancels: 0,
    changes: change.changes?.length ?? 0,
  }
  return { ...base, plan, ...change }
}
const twice = {
  mails: [mail(due + 10), mail(due + 5010)],
  deliveries: [{ ...delivery, fence: 2, attempts: 2 }],
  decisions: [intentAt(due + 5), intentAt(due + 5005)],
}
const settlement = { id: 21, fence: 1, kind: 'sent', counted: true, applied: true } as const
const stale = { ...settlement, applied: false } as const
/** Sent by another in the place of a worker that stood still, before the cancel; and by that one after it. */
const stolen = {
  mails: [mail(due + 1), mail(due + 9000)],
  deliveries: [{ ...delivery, fence: 2, attempts: 2 }],
  decisions: [intentAt(due), intentAt(due + 1)],
}
/** A worker stood still in the middle of the message, and in that of its second attempt another, or the same once more. */
const still = (at: number, fence: number) => ({ ...kill, at, how: 'paused', holds: [{ ...held, fence }] }) as const
const silent = {
  mails: [],
  decisions: [intentAt(due), intentAt(due + 5000), heldAt(due + 9000)],
  reminders: [{ ...reminder, status: 'FAILED' }],
  deliveries: [{ ...delivery, status: null, state: 'unknown', messageId: null, fence: 2, attempts: 2 }],
  settlements: [
    { ...settlement, kind: 'retry' },
    { ...settlement, kind: 'unknown', fence: 2 },
  ],
  counts: [{ status: 'UNKNOWN', count: 1 }],
} as const
const pending = { ...reminder, status: 'PENDING' } as const
const cancelled = { ...reminder, status: 'CANCELLED' } as const

describe('the judge of the crash test', () => {
  it.each<[string, Partial<CrashRun>]>([
    ['a reminder that was sent', {}],
    ['a copy of a send that was in flight at a kill', { ...twice, kills: [kill] }],
    [
      'a mail in flight when the cancel committed',
      { cancels: [{ ...cancel, inFlight: 1 }], decisions: [intentAt(due)] },
    ],
    [
      'a mail after the cancel of a worker that had stood still with it',
      { ...stolen, kills: [{ ...kill, how: 'paused' }], cancels: [cancel] },
    ],
    [
      'a stale settlement that changed nothing',
      { ...twice, kills: [kill], settlements: [stale, { ...settlement, fence: 2 }] },
    ],
    ['a second silence, of workers that stood still', { ...silent, kills: [still(due + 20, 1), still(due + 5020, 2)] }],
    [
      'a send of unknown outcome that is held after the cancel',
      {
        kills: [kill],
        cancels: [{ ...cancel, inFlight: 1 }],
        decisions: [intentAt(due), heldAt(due + 5000)],
        reminders: [{ ...reminder, status: 'FAILED' }],
        deliveries: [{ ...delivery, status: null, state: 'unknown', messageId: null }],
        counts: [{ status: 'UNKNOWN', count: 1 }],
      },
    ],
  ])('accepts %s', (_name, change) => {
    expect(judge(run(change)).violations).toEqual([])
  })

  it.each<[string, RegExp, Partial<CrashRun>]>([
    ['a lost reminder', /lost/, { mails: [], reminders: [cancelled], deliveries: [], decisions: [], counts: [] }],
    ['SENT without a mail', /SENT, and no mail/, { mails: [] }],
    [
      'a stuck reminder',
      /stuck: 1 reminders/,
      { reminders: [pending], deliveries: [], mails: [], decisions: [], counts: [] },
    ],
    [
      'a stuck delivery',
      /stuck: 1 deliveries/,
      { reminders: [pending], deliveries: [{ ...delivery, status: null, state: 'sending' }] },
    ],
    ['a copy although nobody was killed', /2 mails with 0 claims/, twice],
    ['a copy of a send that was not in flight', /2 mails with 0 claims/, { ...twice, kills: [{ ...kill, holds: [] }] }],
    ['a copy of a send that was settled', /2 mails with 0 claims/, { mails: twice.mails, kills: [kill] }],
    [
      'a copy with another Message-ID',
      /different Message-IDs/,
      { ...twice, kills: [kill], mails: [mail(due + 10), mail(due + 5010, '<two@example.com>')] },
    ],
    ['a mail after the cancel', /1 mails after cancelReminders/, { cancels: [cancel], decisions: [intentAt(due)] }],
    [
      'a second mail after a cancel with one in flight',
      /2 mails after cancelReminders/,
      { ...twice, kills: [kill], cancels: [{ ...cancel, inFlight: 1 }] },
    ],
    [
      'an intent after the cancel',
      /decided on after cancelReminders/,
      { cancels: [{ ...cancel, inFlight: 1 }], decisions: [intentAt(due + 100)] },
    ],
    [
      'a mail of a CANCELLED reminder',
      /and a mail arrived/,
      { cancels: [cancel], reminders: [cancelled], mails: [mail(due)] },
    ],
    [
      'a mail although the host had cancelled',
      /host's data said cancelled/,
      { changes: [{ appointmentId: 1, way: 'cancelled', at: due - 500 }] },
    ],
    [
      'a mail to an address that was changed',
      /address that was changed/,
      { changes: [{ appointmentId: 1, way: 'readdressed', at: due - 500 }] },
    ],
    [
      'a moved reminder that is not planned anew',
      /wrong rows/,
      {
        changes: [{ appointmentId: 1, way: 'moved', at: due - 500 }],
        mails: [],
        reminders: [cancelled],
        deliveries: [],
        decisions: [],
        counts: [],
      },
    ],
    ['a mail that no row knows of', /no delivery knows/, { deliveries: [], decisions: [], counts: [] }],
    ['a row and its reminder that disagree', /disagree/, { reminders: [pending] }],
    [
      'a send that was held without a decision',
      /0 decisions to hold/,
      {
        cancels: [{ ...cancel, inFlight: 1 }],
        reminders: [{ ...reminder, status: 'FAILED' }],
        deliveries: [{ ...delivery, status: null, state: 'unknown', messageId: null }],
      },
    ],
    [
      'a reminder that was held although attempts were left',
      /lost/,
      {
        mails: [],
        decisions: [intentAt(due), heldAt(due + 5000)],
        reminders: [{ ...reminder, status: 'FAILED' }],
        deliveries: [{ ...delivery, status: null, state: 'unknown', messageId: null }],
      },
    ],
    [
      'a stale holder that wrote',
      /stale holder wrote/,
      {
        ...twice,
        kills: [kill],
        settlements: [
          { ...stale, applied: true },
          { ...settlement, fence: 2 },
        ],
      },
    ],
    ['two settlements under one fence', /stale holder wrote/, { settlements: [settlement, settlement] }],
    ['a wrong counter', /were counted/, { counts: [] }],
    ['an attempt without a decision', /2 attempts, 1 decisions/, { deliveries: [{ ...delivery, attempts: 2 }] }],
    ['a worker that ended on its own', /on its own/, { faults: ['a worker ended on its own: 1'] }],
    ['a second silence that no worker excuses', /lost: no mail/, { ...silent, kills: [still(due + 20, 1)] }],
    ['a silence before it came to rest', /nothing arrived for 30000 ms/, { restedAfterMs: 30_010 }],
    ['a run that never came to rest', /not at rest/, { restedAfterMs: null }],
  ])('finds %s', (_name, sentence, change) => {
    expect(judge(run(change)).violations.join('\n')).toMatch(sentence)
  })
})
