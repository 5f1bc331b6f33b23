import { isTransportError } from '../../../src/errors.ts'
import type { SendContext, SendReceipt, TransportError } from '../../../src/index.ts'
import type { ConnectionPlan } from './connection.ts'
import { createDialer } from './dial.ts'
import { requireTime, stillWaiting } from './failures.ts'
import type { Mail } from './message.ts'
import { loadNodemailer } from './nodemailer.ts'
import { SmtpSession } from './session.ts'

/** A pool of connections to one server, signed in with one account. Failures are `TransportError`s. */
export type Mailer = {
  send(mail: Mail, context: Pick<SendContext, 'signal' | 'now'>): Promise<SendReceipt>
  /** Connects and signs in on a connection of its own. */
  verify(signal: AbortSignal): Promise<void>
  /** To be called when nothing is being sent. */
  close(): void
}

/**
 * How long a message may wait for a connection. Of the 20 minutes that a send has by default, a server may take 15 for one message; begun with
 * less left, it would be aborted half way, and nobody would know whether it arrived.
 */
const longestWaitMs = 5 * 60_000

type Waiting = { take(session: SmtpSession): void; fail(error: TransportError): void }

/** @throws NotificationError `dependency_missing` when nodemailer is not installed. */
export async function openMailer(plan: ConnectionPlan): Promise<Mailer> {
  const nodemailer = await loadNodemailer()
  const dial = createDialer(plan.route)
  const sessions = new Set<SmtpSession>()
  /** The one used last comes last and is used first: few connections carry much, and the others may close. */
  const free: SmtpSession[] = []
  const waiting = new Set<Waiting>()
  let most = plan.maxConnections

  function open(): SmtpSession | null {
    if (sessions.size >= most) return null
    const session = new SmtpSession(nodemailer, plan, dial)
    sessions.add(session)
    return session
  }

  /** Rejects when it takes too long, and when it has turned out that nothing can be sent. */
  async function turn(signal: AbortSignal): Promise<SmtpSession> {
    const { promise, resolve, reject } = Promise.withResolvers<SmtpSession>()
    const mine: Waiting = { take: resolve, fail: reject }
    const giveUp = () => {
      waiting.delete(mine)
      reject(stillWaiting())
    }
    waiting.add(mine)
    const timer = setTimeout(giveUp, longestWaitMs).unref()
    signal.addEventListener('abort', giveUp)
    if (signal.aborted) giveUp()
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
    }
  }

  function release(session: SmtpSession): void {
    if (!session.isReady) {
      sessions.delete(session)
      session.close()
    }
    const [next] = waiting
    const usable = session.isReady ? session : next && open()
    if (!usable) return
    if (next === undefined) free.push(usable)
    else {
      waiting.delete(next)
      next.take(usable)
    }
  }

  /** Nothing else would fare better: nobody needs to ask the server again. */
  function failAll(error: TransportError): void {
    most = plan.maxConnections
    for (const one of waiting) one.fail(error)
    waiting.clear()
  }

  return {
    async send(mail, { signal, now }) {
      for (;;) {
        const session = free.pop() ?? open() ?? (await turn(signal))
        try {
          requireTime(mail.deadline, now)
          return await session.send(mail, signal)
        } catch (error) {
          if (!isTransportError(error) || error.scope !== 'account') throw error
          if (session.isReady || sessions.size === 1 || error.outcome !== 'transient') {
            failAll(error)
            throw error
          }
          // A server may take fewer connections than it is offered: the message waits for one of those it took, and no
          // more than those are opened while this pool lives.
          most = sessions.size - 1
        } finally {
          release(session)
        }
      }
    },

    async verify(signal) {
      const session = new SmtpSession(nodemailer, plan, dial)
      try {
        await session.verify(signal)
      } finally {
        session.close()
      }
    },

    close() {
      for (const session of sessions) session.close()
    },
  }
}
