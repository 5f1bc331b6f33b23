import type { Chance } from '../crash/chance.ts'
import type { Faults } from './faults.ts'

export type StormCounts = {
  /** What the service meant to call. */
  callbacks: number
  lost: number
  /** Deliveries of them, by the status of the answer. */
  readonly delivered: Record<number, number>
  /** Forged ones, by the status of the answer: one of 2xx is a hole. */
  readonly forged: Record<number, number>
}

/** Stands between the service and its callbacks: repeats them, shuffles them, loses some, and mixes in forged ones. */
export class CallbackStorm {
  readonly counts: StormCounts = { callbacks: 0, lost: 0, delivered: {}, forged: {} }
  readonly #chance: Chance
  readonly #underWay = new Set<Promise<void>>()
  readonly #end = new AbortController()
  /** Of the callback before: a token that is good, for something else. */
  #otherToken = 'v1.zzzzzz.'.padEnd(53, 'A')

  constructor(chance: Chance) {
    this.#chance = chance
  }

  /** Takes a callback over: the service may count it as delivered. */
  take(url: string, body: string, { copies, spreadMs, lostCallbacks, forged }: Faults): void {
    this.counts.callbacks += 1
    if (this.#chance.next() < lostCallbacks) {
      this.counts.lost += 1
      return
    }
    for (let left = this.#chance.between(...copies); left > 0; left--) {
      this.#later(spreadMs, () => this.#deliver(url, body))
      // So that of all that arrive this share is forged.
      if (forged > 0 && this.#chance.next() < forged / (1 - forged)) {
        const forgery = this.#forge(url)
        this.#later(spreadMs, async () => count(this.counts.forged, await this.#post(forgery.url, forgery.body)))
      }
    }
    this.#otherToken = new URL(url).searchParams.get('token') ?? this.#otherToken
  }

  /** Resolves when every callback taken so far was answered. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  /** Forgets what was not delivered. */
  async stop(): Promise<void> {
    this.#end.abort()
    await this.settled()
  }

  #later(spreadMs: number, work: () => Promise<void>): void {
    const done = pause(this.#chance.next() * spreadMs, this.#end.signal)
      .then(work)
      .finally(() => this.#underWay.delete(done))
    this.#underWay.add(done)
  }

  /** Until it is answered, as a service does that means it. */
  async #deliver(url: string, body: string): Promise<void> {
    while (!this.#end.signal.aborted) {
      const status = await this.#post(url, body)
      count(this.counts.delivered, status)
      if (status > 0 && status < 500 && status !== 429) return
      await pause(100, this.#end.signal)
    }
  }

  /** The status of the answer; 0 where there is none. */
  async #post(url: string, body: string): Promise<number> {
    try {
      const signal = AbortSignal.any([this.#end.signal, AbortSignal.timeout(10_000)])
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(url, { method: 'POST', headers, body, signal })
      await response.body?.cancel()
      return response.status
    } catch {
      return 0
    }
  }

  /** The URL with a token that is none, broken, or another's; and a body that would do harm. */
  #forge(original: string): { readonly url: string; readonly body: string } {
    const url = new URL(original)
    const token = url.searchParams.get('token') ?? ''
    const broken = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
    const tokens = [null, '', broken, this.#otherToken === token ? broken : this.#otherToken]
    const told = tokens[this.#chance.between(0, tokens.length - 1)] ?? null
    if (told === null) url.searchParams.delete('token')
    else url.searchParams.set('token', told)
    const body =
      this.#chance.next() < 0.5
        ? { status: 'failed', error: 'forged' }
        : { status: 'success', result: { message_id: 'forged', delivered_at: '2024-01-14T14:00:01Z' } }
    return { url: url.href, body: JSON.stringify(body) }
  }
}

function count(counts: Record<number, number>, status: number): void {
  counts[status] = (counts[status] ?? 0) + 1
}

/** Ends early when the signal says so. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, signal.aborted ? 0 : ms)
    signal.addEventListener('abort', end)
  })
