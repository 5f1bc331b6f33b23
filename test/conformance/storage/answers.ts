import { expect, it } from 'vitest'
import type { AnswerCommand, ReplyCommand } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { minutes, type Starter, t0, textIds } from './harness.ts'
import {
  commit,
  content,
  guard,
  newReminder,
  nextPlan,
  organizationId,
  patient,
  planOne,
  planRow,
  reminderWork,
  sendIntent,
  startsAt,
} from './rows.ts'

const by = { kind: 'patient', id: 12 } as const
const address = '+14155550123'
const answer = (change: Partial<AnswerCommand> = {}): AnswerCommand => ({
  organizationId,
  appointmentId: 100,
  recipient: patient,
  action: 'confirm',
  via: 'reply',
  startsAt,
  channel: 'SMS',
  address,
  messageId: 'SM1',
  notifies: true,
  at: minutes(5),
  by,
  ...change,
})
const reply = (change: Partial<ReplyCommand> = {}): ReplyCommand => ({
  organizationId,
  recipient: patient,
  about: 'reply',
  channel: 'SMS',
  address,
  text: "I'm late — 10 min \u{1F600}",
  messageId: 'SM9',
  candidates: [{ organizationId, appointmentId: 100, recipient: patient }],
  notifies: true,
  at: minutes(6),
  ...change,
})
const planOf = async (storage: Store) => storage.plans.get(organizationId, 100)
const everything = { organizationId, isOpen: false, limit: 10 } as const

export function answers({ migrated }: Starter): void {
  it('records what a recipient answered last with the plan, each once', async () => {
    const { storage } = await migrated()
    await planOne(storage)
    expect((await planOf(storage))?.answers).toBeUndefined()
    expect(await storage.answers.record(answer())).toMatchObject({ status: 'recorded' })
    expect(await planOf(storage)).toMatchObject({
      revision: 2,
      answers: [{ recipient: patient, action: 'confirm', via: 'reply', at: minutes(5) }],
    })
    expect(await storage.answers.record(answer())).toEqual({ status: 'repeated' })
    expect(await storage.answers.record(answer({ messageId: 'SM2' }))).toEqual({ status: 'repeated' })
    const change = answer({
      action: 'change',
      via: 'link',
      channel: null,
      address: null,
      messageId: null,
      at: minutes(7),
    })
    expect(await storage.answers.record(change)).toMatchObject({ status: 'recorded' })
    expect((await planOf(storage))?.answers).toEqual([
      { recipient: patient, action: 'change', via: 'link', at: minutes(7) },
    ])
    expect(
      (await storage.answers.list(everything)).map(({ kind, via, startsAt: start }) => [kind, via, start]),
    ).toEqual([
      ['change', 'link', startsAt],
      ['confirm', 'reply', startsAt],
    ])
    const decided = (await storage.decisions.list(organizationId, 100)).flatMap(({ entries }) => entries)
    expect(decided.map(({ rule }) => rule)).toEqual(['due_by_offset', 'answered_confirm', 'answered_change'])
    const audited = await storage.audit.list({ organizationId, limit: 10 })
    expect(audited.map(({ action, actor }) => [action, actor])).toEqual([
      ['answer.recorded', by],
      ['answer.recorded', by],
    ])
  })

  it('records nothing of an appointment that moved, began or was cancelled, nor of a stranger', async () => {
    const { storage } = await migrated()
    expect(await storage.answers.record(answer())).toEqual({ status: 'unknown' })
    await planOne(storage)
    expect(await storage.answers.record(answer({ startsAt: minutes(1) }))).toEqual({ status: 'moved' })
    expect(await storage.answers.record(answer({ at: startsAt }))).toEqual({ status: 'over' })
    expect(await storage.answers.record(answer({ recipient: { type: 'CLIENT', id: 12 } }))).toEqual({
      status: 'unknown',
    })
    const cancelled = planRow({
      revision: 2,
      lifecycleRevision: 2,
      status: 'cancelled',
      cancelReason: 'appointment_cancelled',
    })
    await storage.plans.apply([nextPlan(1, { plan: cancelled, reminders: [] })])
    expect(await storage.answers.record(answer())).toEqual({ status: 'cancelled' })
    expect(await storage.answers.list(everything)).toEqual([])
  })

  it('hands over what several processes recorded in the order in which they did', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    await planOne(storage)
    // The first to record may have ids in stock by now.
    await storage.answers.keepReply(reply({ notifies: false }))
    await other.answers.record(answer())
    await storage.answers.record(answer({ action: 'change', messageId: 'SM2', at: minutes(6) }))
    const [first] = await storage.answers.due(minutes(7), 10)
    expect(first).toMatchObject({ kind: 'confirm' })
    expect((await storage.answers.list(everything)).map(({ kind }) => kind)).toEqual(['change', 'confirm', 'reply'])
  })

  it('ends an answer when the appointment moves, and keeps it when it is only planned again', async () => {
    const { storage } = await migrated()
    await planOne(storage)
    await storage.answers.record(answer())
    await storage.plans.apply([nextPlan(2)])
    expect((await planOf(storage))?.answers).toHaveLength(1)
    const moved = planRow({ revision: 4, lifecycleRevision: 4, startsAt: minutes(60, startsAt) })
    await storage.plans.apply([nextPlan(3, { plan: moved, reminders: [newReminder({ startsAt: moved.startsAt })] })])
    expect((await planOf(storage))?.answers).toBeUndefined()
    await storage.plans.apply([nextPlan(4)])
    expect((await planOf(storage))?.answers).toBeUndefined()
    const decided = (await storage.decisions.list(organizationId, 100)).flatMap(({ entries }) => entries)
    expect(decided.filter(({ rule }) => rule === 'answer_outdated')).toHaveLength(1)
  })

  it.each([['integers'], ['texts']])(
    'finds the messages that ask at an address, with host ids that are %s',
    async (kind) => {
      const { storage } = await migrated(kind === 'texts' ? textIds : undefined)
      const ask = { code: '4K', until: startsAt, sender: '+14155550100' }
      const to = { content: content({ recipientEmail: null, recipientPhone: address, recipientAddress: address }) }
      const reminders = [newReminder({ channel: 'SMS' })]
      const asked = await commit(
        storage,
        sendIntent(reminderWork(await planOne(storage, { reminders })), { ...to, ask }),
      )
      await commit(
        storage,
        sendIntent(reminderWork(await planOne(storage, { plan: planRow({ appointmentId: 101 }), reminders })), {
          ...to,
          guard: guard({ plan: { organizationId, appointmentId: 101, revision: 1 } }),
        }),
      )
      expect(asked?.ask).toEqual(ask)
      const found = await storage.answers.asking('SMS', [address, address], t0)
      expect(found).toMatchObject([{ ...ask, notificationId: asked?.id, organizationId, channel: 'SMS', address }])
      expect(found.map(({ appointmentId }) => String(appointmentId))).toEqual(['100'])
      expect(await storage.answers.asking('SMS', [address], startsAt)).toEqual([])
      expect(await storage.answers.asking('EMAIL', [address], t0)).toEqual([])
      expect(await storage.answers.asking('SMS', [], t0)).toEqual([])
    },
  )

  it('gives a hook to one worker, and again after a failure or a crash, in the order of the answers', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    await planOne(storage)
    expect(await storage.answers.nextDueAt()).toBeNull()
    await storage.answers.record(answer())
    await storage.answers.record(answer({ action: 'change', messageId: 'SM2', at: minutes(6) }))
    expect(await storage.answers.nextDueAt()).toEqual(minutes(5))
    const [first, ...others] = await storage.answers.due(minutes(6), 10)
    expect([first?.kind, others]).toEqual(['confirm', []])
    const claim = { id: first?.id ?? 0, dueAt: minutes(5), until: minutes(8) }
    const claims = await Promise.all([storage.answers.claimHook(claim), other.answers.claimHook(claim)])
    expect(claims.toSorted()).toEqual([false, true])
    expect(await storage.answers.due(minutes(7), 10)).toEqual([])
    const failed = { id: claim.id, until: minutes(8), fault: { error: 'Error', retryAt: minutes(20) }, at: minutes(7) }
    expect(await storage.answers.settleHook(failed)).toBe(true)
    expect(await storage.answers.settleHook(failed)).toBe(false)
    expect(await storage.answers.failing(10)).toMatchObject([{ id: claim.id, attempts: 1, lastError: 'Error' }])
    expect(await storage.answers.due(minutes(19), 10)).toEqual([])
    // Not of the one that waits for it, which is due before.
    expect(await storage.answers.nextDueAt()).toEqual(minutes(20))
    // One that died with it.
    expect(await other.answers.claimHook({ id: claim.id, dueAt: minutes(20), until: minutes(21) })).toBe(true)
    const [again] = await storage.answers.due(minutes(21), 10)
    expect(again).toMatchObject({ id: claim.id, attempts: 2 })
    await storage.answers.claimHook({ id: claim.id, dueAt: minutes(21), until: minutes(30) })
    await storage.answers.settleHook({ id: claim.id, until: minutes(30), fault: null, at: minutes(22) })
    expect(await storage.answers.failing(10)).toEqual([])
    expect((await storage.answers.due(minutes(22), 10)).map(({ kind }) => kind)).toEqual(['change'])
    const rows = await storage.answers.list(everything)
    expect(rows.map(({ deliveredAt, attempts, dueAt }) => [deliveredAt, attempts, dueAt])).toEqual([
      [null, 0, minutes(6)],
      [minutes(22), 3, null],
    ])
    const decided = (await storage.decisions.list(organizationId, 100)).flatMap(({ entries }) => entries)
    expect(decided.map(({ rule }) => rule).slice(-2)).toEqual(['hook_failed', 'hook_called'])
  })

  it('keeps what is for people once, to the letter, until somebody has dealt with it', async () => {
    const { storage } = await migrated()
    expect(await storage.answers.keepReply(reply())).toBe(true)
    expect(await storage.answers.keepReply(reply())).toBe(false)
    expect(
      await storage.answers.keepReply(
        reply({ organizationId: null, recipient: null, candidates: [], messageId: 'SM10', notifies: false }),
      ),
    ).toBe(true)
    const [row, ...rest] = await storage.answers.list(everything)
    expect(rest).toEqual([])
    const { recipient, about: kind, text, candidates, at } = reply()
    expect(row).toMatchObject({
      recipient,
      kind,
      text,
      candidates,
      at,
      via: 'reply',
      appointmentId: null,
      dueAt: at,
      handledAt: null,
    })
    expect(await storage.answers.list({ ...everything, organizationId: null })).toMatchObject([
      { organizationId: null, recipient: null, candidates: [], dueAt: null },
      { id: row?.id },
    ])
    expect(await storage.answers.list({ ...everything, organizationId: null, limit: 1 })).toHaveLength(1)
    expect(await storage.answers.list({ ...everything, before: row?.id ?? 0 })).toEqual([])
    expect(await storage.answers.handle(row?.id ?? 0, 'another', minutes(9), by)).toBeNull()
    expect(await storage.answers.handle(row?.id ?? 0, organizationId, minutes(9), by)).toMatchObject({
      handledAt: minutes(9),
    })
    expect(await storage.answers.handle(row?.id ?? 0, organizationId, minutes(10), by)).toMatchObject({
      handledAt: minutes(9),
    })
    expect(await storage.answers.list({ ...everything, isOpen: true })).toEqual([])
    expect(await storage.audit.list({ organizationId, limit: 10 })).toMatchObject([
      { action: 'answer.handled', actor: by },
    ])
  })

  it('forgets what somebody wrote who is deleted', async () => {
    const { storage } = await migrated()
    await planOne(storage)
    await storage.answers.record(answer())
    await storage.answers.keepReply(reply())
    await storage.plans.forgetRecipient(patient, minutes(9))
    expect(await storage.answers.list(everything)).toEqual([])
  })
}
