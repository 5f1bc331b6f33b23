import { capture } from 'appointment-notifications/capture'
import { systemClock } from '../../../src/ports/clock.ts'
import { chooseAccount, inOrder } from '../../../src/services/shared/accounts/account-choice.ts'
import { KnownPauses } from '../../../src/services/shared/accounts/known-pauses.ts'
import type { Provider, Senders } from '../../../src/services/shared/accounts/providers.ts'
import type { Message } from '../by-hand/reminders.ts'
import { type Figure, quantile, timed } from '../measure.ts'
import { measures } from '../measures.ts'
import { ourName, ours } from '../ours.ts'
import { fileStore } from '../stores.ts'
import type { World } from '../world.ts'
import { sendDue } from './sending.ts'

const messages = 500_000

/** One of two accounts that share the messages by weight. */
const account = (accountId: string, weight: number): Provider => ({
  ...{ accountId, accountKey: accountId, weight, trusted: false, account: null, transport: capture() },
  ...{ from: '+14155550100', fromName: null, replyTo: null, limits: { perSecond: null, perDay: null, atOnce: null } },
})

/** Which of two accounts sends, for each of half a million messages: what that adds to the processor time of dispatching one. */
export async function accounts({ directory, size: { rounds, appointments } }: World): Promise<Figure[]> {
  const senders: Senders = [account('a', 2), account('b', 1)]
  // Somebody else's account is paused, so that each choice looks.
  const paused = {
    account: 'another',
    organizationId: null,
    channel: 'SMS',
    provider: 'line',
    code: 'refused',
  } as const
  const row = { ...paused, pausedSince: new Date(), refusals: 1, probeAt: new Date() }
  const pauses = new KnownPauses({
    options: { clock: systemClock, storage: { accounts: { paused: async () => [row] } } },
  })
  await pauses.read()
  const shares: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const outbox: Message[] = []
    const deliver = async (message: Message) => void outbox.push(message)
    const outlet = { transport: capture(), env: {}, deliver }
    const dispatched = await sendDue(ours(fileStore(directory)), { appointments, phones: true, outlet })
    const chosen = await timed(messages, () => {
      for (let id = 0; id < messages; id += 1)
        chooseAccount(pauses, inOrder(senders, `["organization",${id},null]`), '+14155550123', { mayWait: false })
    })
    shares.push((100 * chosen.cpuUs) / dispatched.cpuUs)
  }
  const note = `${messages} choices between two accounts with weights, beside ${appointments * 2} messages dispatched`
  const by = ourName(fileStore(directory))
  return [
    { measure: measures.accounts, by, value: quantile(shares, 0.5), unit: '%', durability: '', cpuUs: null, note },
  ]
}
