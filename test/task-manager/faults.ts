import type { Chance } from '../crash/chance.ts'

/** What goes wrong, and how often: shares are from 0 to 1. */
export type Faults = {
  /** Requests answered 500. */
  readonly errors: number
  /** Requests without an answer for `hangMs`, after which the connection is dropped. */
  readonly hangs: number
  readonly hangMs: number
  /** Requests whose connection is dropped at once. */
  readonly drops: number
  /** Creations answered as usual, with an id that the service does not know. */
  readonly lostTasks: number
  /** How often a callback is delivered: least and most. */
  readonly copies: readonly [least: number, most: number]
  /** Within which time the copies of a callback arrive, in ms. Longer than it takes to make two, they overtake each other. */
  readonly spreadMs: number
  /** Callbacks that are taken and never delivered. */
  readonly lostCallbacks: number
  /** How many of all callbacks that arrive are forged. */
  readonly forged: number
}

export const calm: Faults = {
  errors: 0,
  hangs: 0,
  hangMs: 30_000,
  drops: 0,
  lostTasks: 0,
  copies: [1, 1],
  spreadMs: 0,
  lostCallbacks: 0,
  forged: 0,
}

/** `before`: the service never hears of the request. `after`: it did what was asked, and nobody is told. */
export type RequestFault = { readonly how: 'error' | 'hang' | 'drop'; readonly when: 'before' | 'after' }

export function requestFault({ errors, hangs, drops }: Faults, chance: Chance): RequestFault | null {
  const point = chance.next()
  const when = chance.next() < 0.5 ? 'before' : 'after'
  if (point < errors) return { how: 'error', when }
  if (point < errors + hangs) return { how: 'hang', when }
  if (point < errors + hangs + drops) return { how: 'drop', when }
  return null
}
