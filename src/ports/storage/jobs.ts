/**
 * A lease that ends later than one that is asked for now, by more than this, is not believed: whoever took it had a clock that
 * was ahead, and it would stay taken for as long.
 */
export const clockToleranceMs = 60_000

/** Progress of a background job. */
export type JobProgress = {
  /** As `keepProgress` was given it. */
  readonly progress: string
  /** After this instant nobody works on the job: it was interrupted. */
  readonly heldUntil: Date
}

/** `notification_jobs`: which worker owns a background job, so that only one of several processes does it. */
export interface JobStore {
  /**
   * Takes the job `name` until `until`, or extends it if `holder` has it already: true if it is the holder's now. Of
   * concurrent callers, one gets it. A job that is not released is free again after its `until`, and at once where that
   * is later than `until` by more than `clockToleranceMs`.
   */
  acquire(name: string, holder: string, now: Date, until: Date): Promise<boolean>
  /** Releases the job; does nothing if somebody else holds it by now. Its progress stays. */
  release(name: string, holder: string): Promise<void>
  /** How far a job is that is not finished; null: there is none. */
  progress(name: string): Promise<JobProgress | null>
  /** Keeps how far the job is, for whoever goes on with it; null: it is finished. False, and nothing is kept, if `holder` has it no more. */
  keepProgress(name: string, holder: string, progress: string | null): Promise<boolean>
  /**
   * Makes `member` a member of the group until `until`, and returns the members whose time is not over, by the same rule,
   * in the same order for everybody who asks.
   */
  join(group: string, member: string, now: Date, until: Date): Promise<readonly string[]>
  leave(group: string, member: string): Promise<void>
  /** The members whose time is over after `now`, and by `until` at the latest; writes nothing. */
  members(group: string, now: Date, until: Date): Promise<readonly string[]>
}
