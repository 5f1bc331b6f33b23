import type { DeliveryRow, ForgetOutcome, MessagePlace } from '../../ports/storage.ts'
import type { Actor } from '../../schemas/audit.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { Context } from '../shared/context.ts'
import { Relief, StepSize } from '../shared/step-size.ts'
import type { CancelResult } from '../shared/views.ts'
import { emitCancelled } from './planning-events.ts'

/** Up to so many appointments are one step. */
const atOnce = 50
const messagesAtOnce = 500
const underWay: readonly string[] = ['queued', 'sending', 'handed_over']

/**
 * Cancels what is pending for somebody whom the host deleted. Whoever takes part in many appointments, as practitioners do, is forgotten in
 * steps, so that none blocks the database for long; where it fails in between, the host reports it again.
 */
export async function forgetRecipient(context: Context, recipient: RecipientRef, by: Actor): Promise<CancelResult> {
  const { storage } = context.options
  const few =
    recipient.type !== 'PRACTITIONER' && (await storage.personal.plansOf(recipient, 0, atOnce)).length < atOnce
  let cancelled = 0
  let inFlight = 0
  for await (const step of few ? [atOneGo(context, recipient, by)] : inSteps(context, recipient, by)) {
    emitCancelled(context, step.cancelled)
    cancelled += step.cancelled.length
    inFlight += step.inFlight
  }
  return { cancelled, inFlight }
}

const atOneGo = ({ options: { storage, clock } }: Context, recipient: RecipientRef, by: Actor) =>
  storage.plans.forgetRecipient(recipient, clock.now(), by)

async function* inSteps(
  { options: { storage, clock } }: Context,
  recipient: RecipientRef,
  by: Actor,
): AsyncGenerator<ForgetOutcome> {
  const part = { plans: [], messages: [] }
  yield await storage.plans.forgetRecipient(recipient, clock.now(), by, part)
  const relief = new Relief(storage, clock)
  const planSize = new StepSize(storage, 8, atOnce)
  for (let after = 0; ; ) {
    const began = clock.elapsedMs()
    const page = await storage.personal.plansOf(recipient, after, planSize.rows)
    const last = page.at(-1)
    if (last === undefined) break
    const plans = page.map(({ planId }) => planId)
    yield await storage.plans.forgetRecipient(recipient, clock.now(), by, { ...part, plans })
    planSize.took(clock.elapsedMs() - began)
    await relief.stepped()
    after = last.planId
  }
  // The first pages may come from the disk, a place of its own for each message.
  const messageSize = new StepSize(storage, 4, messagesAtOnce, 4)
  for (let after: MessagePlace | null = null; ; ) {
    const began = clock.elapsedMs()
    const page: readonly DeliveryRow[] = await storage.personal.messages({
      recipient,
      after,
      left: false,
      limit: messageSize.rows,
    })
    const last = page.at(-1)
    if (last === undefined) return
    const messages = page.flatMap(({ id, state }) => (underWay.includes(state) ? [id] : []))
    if (messages.length > 0) {
      yield await storage.plans.forgetRecipient(recipient, clock.now(), by, { ...part, messages })
      await relief.stepped()
    }
    messageSize.took(clock.elapsedMs() - began)
    after = { createdAt: last.createdAt, id: last.id }
  }
}
