/** Texts that fail for good, with e-mail as the channel that takes over: who hears of the appointment before it starts. */
import { capture } from '../../adapters/transport/capture.ts'
import { TransportError } from '../../src/index.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { accountsOf, openLine } from './line.ts'

const hourMs = 3_600_000
const begin = new Date('2026-03-18T12:00:00Z')

export type Reached = {
  /** How many have an appointment. */
  readonly people: number
  /** What each got before the start, by the id of the person: the channels, in order. */
  readonly got: ReadonlyMap<number, readonly ('SMS' | 'EMAIL')[]>
  /** Whose number is dead. */
  readonly dead: ReadonlySet<number>
}

/** One reminder an hour before the start for each, of whom every third has a number that takes no texts. */
export async function textsThatFail(people: number): Promise<Reached> {
  const clock = new ManualClock(begin)
  const phoneOf = (id: number) => `+1415${String(5_550_000 + id).padStart(7, '0')}`
  const ids = Array.from({ length: people }, (_, index) => index + 1)
  const dead = new Set(ids.filter((id) => id % 3 === 0))
  const numbers = new Map(ids.map((id) => [phoneOf(id), id]))
  const refuse = ({ to }: { readonly to: string }) =>
    dead.has(numbers.get(to) ?? 0) ? new TransportError('No.', { outcome: 'permanent', code: 'line_dead' }) : null
  const line = openLine(clock, { refuse })
  const outbox = capture({ clock })
  const clinic = await openClinic(begin.toISOString(), { clock, transports: [line.transport, outbox] })
  await clinic.settings.createOrganizationSettings(organizationId, {
    ...accountsOf(['a']),
    defaultEmailReminders: [],
    defaultSmsReminders: [1],
    fallback: [{ channels: [{ channel: 'EMAIL' }] }],
  })
  const startOf = (id: number) => new Date(begin.getTime() + 2 * hourMs + id * 1000)
  for (const id of ids) {
    const recipients = [{ ...ada, id, email: `p${id}@example.org`, phone: phoneOf(id) }]
    clinic.host.book({ id, startsAt: startOf(id), recipients })
  }
  await clinic.notifications.scheduleMany(ids)
  await clinic.start()
  await clock.advance(4 * hourMs)
  await clinic.stop()
  const got = new Map<number, ('SMS' | 'EMAIL')[]>(ids.map((id) => [id, []]))
  for (const { to, at } of line.received()) {
    const id = numbers.get(to) ?? 0
    if (at < startOf(id)) got.get(id)?.push('SMS')
  }
  for (const { to, at } of outbox.sent) {
    const id = Number(/^p(\d+)@/.exec(to)?.[1])
    if (at < startOf(id)) got.get(id)?.push('EMAIL')
  }
  return { people, got, dead }
}

/** A sentence for each promise that was broken. */
export function judgeReached({ got, dead }: Reached): string[] {
  return [...got].flatMap(([id, channels]) => {
    const wanted = dead.has(id) ? 'EMAIL' : 'SMS'
    const words = channels.length === 0 ? 'nothing' : channels.join(' and ')
    return words === wanted ? [] : [`texts that fail: person ${id} got ${words} before the start, and not ${wanted}`]
  })
}
