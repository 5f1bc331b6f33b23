/** `notification_jobs`: which worker has a job of the background, so that of several processes one does it. */
export interface JobStore {
  /**
   * Takes the job `name` until `until`, or extends what `holder` has already: true where it is the holder's now. Of
   * concurrent callers one gets it. A job that was not given back is free again at its `until`.
   */
  acquire(name: string, holder: string, now: Date, until: Date): Promise<boolean>
  /** Gives the job back; nothing where another holds it by now. */
  release(name: string, holder: string): Promise<void>
  /**
   * Makes `member` one of the group until `until`, and tells who is in it: members whose time is not over, in one order for
   * everybody who asks.
   */
  join(group: string, member: string, now: Date, until: Date): Promise<readonly string[]>
  leave(group: string, member: string): Promise<void>
}
