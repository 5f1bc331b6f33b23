import type { Channel } from '../../channels/index.ts'
import { codeFor, needsCode } from '../../domain/answer.ts'
import { addressKey } from '../../domain/effective.ts'
import type { EntityId } from '../../schemas/common.ts'
import { asksFor, canReceive, missingForAnswers } from '../shared/asking.ts'
import type { Context } from '../shared/context.ts'
import { type Asking, type BatchContext, type Checked, isSendable, type Sendable } from './checked.ts'
import type { DueWork } from './work.ts'

type Open = { readonly organizationId: string; readonly appointmentId: EntityId; readonly code: string }

/** Null where nothing asks, which reads nothing. */
export async function askingOf(
  { options }: Context,
  checked: readonly Checked[],
  { knowledge, now }: Pick<BatchContext, 'knowledge' | 'now'>,
): Promise<Asking | null> {
  if (missingForAnswers(options) !== null) return null
  const asking = checked.filter(isSendable).filter((one) => isQuestion(one, knowledge))
  if (asking.length === 0) return null
  const byChannel = Map.groupBy(asking, ({ due }) => due.target.channel)
  const found = await Promise.all(
    [...byChannel].map(([channel, ones]) => options.storage.answers.asking(channel, ones.map(addressOf), now)),
  )
  const open = new Map<string, Open[]>()
  const openAt = (channel: Channel, address: string) => {
    const key = `${channel} ${address}`
    const list = open.get(key) ?? []
    open.set(key, list)
    return list
  }
  for (const row of found.flat()) openAt(row.channel, row.address).push(row)
  const codes = new Map<DueWork, string>()
  for (const one of asking) {
    const about = appointmentOf(one)
    const others = openAt(one.due.target.channel, addressOf(one))
    const code = about === null ? null : codeFor(about, others)
    if (about === null || code === null) continue
    codes.set(one.due, code)
    others.push({ ...about, code })
  }
  return {
    questionOf(one, provider) {
      const code = codes.get(one.due)
      const about = appointmentOf(one)
      const until = one.subject.start?.instant
      if (code === undefined || about === null || until === undefined || !canReceive(provider)) return null
      const { channel } = one.due.target
      const sender = provider.from === null ? null : addressKey(channel, provider.from)
      const isCodeShown = needsCode(about, openAt(channel, addressOf(one)))
      return { code, until, sender, isCodeShown }
    },
  }
}

function isQuestion({ due }: Sendable, knowledge: BatchContext['knowledge']): boolean {
  const { organizationId, appointmentId, channel, category } = due.target
  if (appointmentId === null || category === 'CANCELLATION') return false
  return asksFor(knowledge.surroundings(organizationId).policy, channel, category)
}

const addressOf = ({ due, result }: Sendable): string => addressKey(due.target.channel, result.address)

function appointmentOf({ due }: Sendable) {
  const { organizationId, appointmentId } = due.target
  return appointmentId === null ? null : { organizationId, appointmentId }
}
