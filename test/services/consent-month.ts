import { capture } from '../../adapters/transport/capture.ts'
import type { InboundMessage } from '../../src/index.ts'
import { openClinic, organizationId } from '../support/clinic.ts'

const dayMs = 24 * 3_600_000
const start = '2031-03-01T08:00:00.000Z'

/** A generator of Park and Miller: the same month for the same seed. */
function dice(seed: number) {
  let state = seed
  return (sides: number): number => {
    state = (state * 48_271) % 2_147_483_647
    return state % sides
  }
}

/** What somebody may do. */
const acts = [
  'stop',
  'stop',
  'start',
  'start',
  'cancel',
  'doubt',
  'complain',
  'off',
  'on',
  'thank',
  'yes',
  'decide',
] as const

const texts = {
  stop: 'Stop. Thank you',
  start: 'START',
  cancel: 'cancel',
  doubt: "I'll stop by at 3",
  thank: 'Thanks!',
  yes: 'YES',
} as const

/**
 * A month of people with an appointment a week and two reminders of each by SMS, who answer, stop, start, complain and change their
 * minds in any order. Returns what was sent although it was refused by then, by the receiver's log and by what each person said last.
 */
export async function livedMonth(people: number, seed: number) {
  const roll = dice(seed)
  const inbox: InboundMessage[] = []
  const outbox = capture({ receipts: async () => ({ kind: 'read', reports: [], inbound: inbox.splice(0) }) })
  const clinic = await openClinic(start, { transports: [outbox] })
  await clinic.settings.createOrganizationSettings(organizationId, {
    emailEnabled: false,
    defaultSmsReminders: [48, 24],
  })
  const phoneOf = (id: number) => `+1415555${String(1000 + id)}`
  const began = Date.parse(start)
  for (let id = 1; id <= people; id += 1) {
    for (let week = 0; week < 4; week += 1) {
      const startsAt = new Date(began + (week * 7 + 3) * dayMs + roll(dayMs))
      const person = { type: 'PATIENT', id, name: `Person ${id}`, phone: phoneOf(id) } as const
      clinic.host.book({ id: id * 10 + week, startsAt, recipients: [person] })
      await clinic.notifications.scheduleReminders(id * 10 + week)
    }
  }
  await clinic.start()
  /** Since when nothing may be sent to a person; null: it may. By what they said, not by what the library stored. */
  const refusedAt = new Map<number, number | null>()
  /** What keeps them silent: several things may at once. */
  const silent = new Map<number, Set<string>>()
  /** Whose number stopped the sender, as a carrier knows it: of these YES is a START, whatever they said to the clinic since then. */
  const stopped = new Set<number>()
  const broken: string[] = []
  let seen = 0
  let messages = 0
  let sentAfterStart = 0
  const unanswered = new Set<string>()
  const check = () => {
    for (const message of outbox.sent.slice(seen)) {
      const id = Number(message.to.slice(-4)) - 1000
      // One text answers whoever has just written STOP or START, and nobody else.
      const isAnswer = message.category === 'ANSWER' && unanswered.delete(message.to)
      if (isAnswer) continue
      if ((refusedAt.get(id) ?? null) !== null) broken.push(`${message.to} at ${clinic.clock.now().toISOString()}`)
      else sentAfterStart += 1
    }
    unanswered.clear()
    seen = outbox.sent.length
  }
  const say = async (id: number, text: string) => {
    messages += 1
    unanswered.add(phoneOf(id))
    inbox.push({ from: phoneOf(id), to: '+14155550100', text, messageId: `m${messages}`, at: null })
    const readBody = async () => ({ kind: 'bytes', bytes: new Uint8Array() }) as const
    const request = { method: 'POST', path: '/webhooks/capture/sms', query: '', headers: {}, native: null, readBody }
    const { status } = await clinic.handle(request)
    if (status !== 200) broken.push(`answer ${status} to ${text}`)
  }
  /** Only who was written to has an address that the library knows. */
  const wasWritten = (id: number) => outbox.sent.some(({ to, category }) => to === phoneOf(id) && category !== 'ANSWER')
  const causes = (id: number) => {
    const found = silent.get(id) ?? new Set()
    silent.set(id, found)
    return found
  }
  for (let hour = 0; hour < 31 * 24; hour += 6) {
    for (let turn = 0; turn < Math.ceil(people / 10); turn += 1) {
      const id = 1 + roll(people)
      const act = acts[roll(acts.length)] ?? 'thank'
      const why = causes(id)
      const recipient = { type: 'PATIENT', id } as const
      if (
        act in texts &&
        Object.hasOwn(texts, act) &&
        act !== 'complain' &&
        act !== 'off' &&
        act !== 'on' &&
        act !== 'decide'
      ) {
        await say(id, texts[act])
      }
      if (act === 'stop' || act === 'cancel') {
        why.add('stop')
        why.delete('doubt')
        stopped.add(id)
      }
      if (act === 'start' || (act === 'yes' && stopped.has(id))) {
        stopped.delete(id)
        why.delete('stop')
        why.delete('decided')
        why.delete('doubt')
      }
      if (act === 'doubt' && wasWritten(id) && !['stop', 'decided', 'complaint'].some((one) => why.has(one)))
        why.add('doubt')
      if (act === 'complain') {
        await clinic.consent.refuse({
          organizationId,
          who: { channel: 'SMS', address: phoneOf(id) },
          how: 'complaint',
          wording: null,
        })
        why.add('complaint')
        why.delete('doubt')
      }
      if (act === 'off') {
        await clinic.consent.refuse({
          organizationId,
          who: { recipient },
          channels: ['SMS'],
          how: 'link',
          wording: 'page/1',
        })
        why.add('off')
      }
      if (act === 'on') {
        await clinic.consent.give({
          organizationId,
          who: { recipient },
          channels: ['SMS'],
          how: 'link',
          wording: 'page/1',
        })
        why.clear()
      }
      if (act === 'decide') {
        const [doubt] = (await clinic.consent.doubts(organizationId)).doubts
        if (doubt !== undefined) {
          const other = Number(doubt.address.slice(-4)) - 1000
          const decision = roll(2) === 0 ? 'refused' : 'cleared'
          await clinic.consent.decide(organizationId, { channel: 'SMS', address: doubt.address }, decision)
          causes(other).delete('doubt')
          if (decision === 'refused') causes(other).add('decided')
          refusedAt.set(other, causes(other).size === 0 ? null : clinic.clock.now().getTime())
        }
      }
      refusedAt.set(id, why.size === 0 ? null : clinic.clock.now().getTime())
      await clinic.settle()
      check()
    }
    await clinic.clock.advance(6 * 3_600_000)
    check()
  }
  /** Whether what the library shows of each is what they said. */
  const wrong: string[] = []
  for (let id = 1; id <= people; id += 1) {
    const { decisions } = await clinic.settings.effectivePreferences({ type: 'PATIENT', id })
    const decision = decisions.find(({ channel, category }) => channel === 'SMS' && category === 'REMINDER')
    const isSilent = causes(id).size > 0
    if (decision?.allowed === isSilent) wrong.push(`${id}: ${[...causes(id)].join(' ')} but ${decision?.rule}`)
  }
  await clinic[Symbol.asyncDispose]()
  return { broken, wrong, sent: outbox.sent.length, sentAfterStart, messages }
}
