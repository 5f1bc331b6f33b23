/** A job that a peer keeps for a reminder. */
export type Job = {
  /** A UUID. */
  readonly id: string
  readonly runAt: Date
}

/** What a reminder's job needs to be found again: the same small payload for every peer. */
export const payloadOf = (job: Job) => ({ id: job.id, runAt: job.runAt.getTime(), channel: 'EMAIL' })
export type Payload = ReturnType<typeof payloadOf>

/** An empty queue of one peer, in the best configuration that its documentation and our trials know. */
export type PeerQueue = {
  /** One job in one call. */
  add(job: Job): Promise<void>
  /** Several jobs in one call. */
  addMany(jobs: readonly Job[]): Promise<void>
  /** The jobs of one appointment, in as few calls as the peer allows. */
  reschedule(ids: readonly string[], runAt: Date): Promise<void>
  cancel(ids: readonly string[]): Promise<void>
  /** Begins to work off what is due; `fresh` favours the single job over the many. Resolves with what ends it. */
  work(onJob: (payload: Payload) => void, fresh: boolean): Promise<() => Promise<void>>
  close(): Promise<void>
}

export type Peer = {
  readonly name: string
  /** When a job counts as stored. */
  readonly durability: string
  readonly open: () => Promise<PeerQueue>
}
