/** A provider of SMS with several accounts, in driven time: what the phones got by each, and what is wrong with it. */
import { type OutboundMessage, type Transport, TransportError } from '../../src/index.ts'
import type { ManualClock } from '../support/manual-clock.ts'

/**
 * `refuses`: the account, whatever the message. `busy`: each message, for now. `drops`: takes the message, and loses the answer.
 * `silent`: takes nothing, and never answers. `slow`: answers after 20 s.
 */
export type Mood = 'well' | 'refuses' | 'busy' | 'drops' | 'silent' | 'slow'

export type Attempt = {
  readonly account: string
  readonly key: string
  readonly to: string
  readonly at: Date
  /** The phone has it. */
  readonly isReceived: boolean
  /** The library cannot know whether it has. */
  readonly isUnknown: boolean
  /** It was the account that was refused. */
  readonly isRefused: boolean
}

const failures = {
  refuses: { outcome: 'transient', scope: 'account', code: 'line_refused' },
  busy: { outcome: 'transient', code: 'line_busy' },
  drops: { outcome: 'unknown', code: 'line_dropped' },
} as const
const slowMs = 20_000

export type LineOptions = {
  /** Why one message is not taken; null: it is. */
  readonly refuse?: (message: OutboundMessage, account: string) => TransportError | null
  readonly concurrency?: number
}

export function openLine(clock: ManualClock, { refuse = () => null, concurrency = 10 }: LineOptions = {}) {
  const attempts: Attempt[] = []
  /** Of accounts that are not well, by their key. */
  const moods = new Map<string, Mood>()
  const verified: string[] = []
  const moodOf = (account: string): Mood => moods.get(account) ?? 'well'

  function failed(mood: keyof typeof failures): never {
    throw new TransportError('The line is down.', failures[mood])
  }

  const transport: Transport = {
    name: 'line',
    channels: ['SMS'],
    needsAccount: true,
    concurrency,
    async send(message, { account, signal }) {
      const name = account?.channel === 'SMS' ? (account.apiKey ?? '') : ''
      const mood = moodOf(name)
      const refusal = mood === 'well' ? refuse(message, name) : null
      const isReceived = (mood === 'well' && refusal === null) || mood === 'drops' || mood === 'slow'
      const isUnknown = mood === 'drops' || mood === 'silent'
      const { idempotencyKey: key, to } = message
      attempts.push({ account: name, key, to, at: clock.now(), isReceived, isUnknown, isRefused: mood === 'refuses' })
      if (refusal !== null) throw refusal
      if (mood === 'silent') {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
        throw new TransportError('The line says nothing.', { outcome: 'unknown', code: 'line_silent' })
      }
      if (mood === 'slow') await new Promise<void>((resolve) => void clock.after(slowMs, resolve))
      else if (mood !== 'well') failed(mood)
      return { messageId: `${name}-${attempts.length}` }
    },
    async verify({ account }) {
      const name = account?.channel === 'SMS' ? (account.apiKey ?? '') : ''
      verified.push(name)
      if (moodOf(name) !== 'well') failed('refuses')
    },
  }
  return {
    transport,
    attempts,
    moods,
    verified,
    received: () => attempts.filter(({ isReceived }) => isReceived),
  }
}
export type Line = ReturnType<typeof openLine>

/** Settings with these accounts for SMS in their order, each named by its key; `weights`: of some. */
export function accountsOf(names: readonly string[], weights: Readonly<Record<string, number>> = {}, limits = {}) {
  const [first = 'a', ...others] = names
  const weightOf = (name: string) => (weights[name] === undefined ? {} : { weight: weights[name] })
  return {
    smsProvider: 'line',
    smsApiKey: first,
    smsApiSecret: 'secret',
    smsFromNumber: '+14155550100',
    channels: {
      sms: {
        account: { ...weightOf(first), ...limits },
        accounts: others.map((apiKey, index) => ({
          provider: 'line',
          apiKey,
          apiSecret: 'secret',
          fromNumber: `+1415555020${index}`,
          ...weightOf(apiKey),
        })),
      },
    },
  }
}
