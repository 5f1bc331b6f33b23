/** What an `Idempotency-Key` stands for: the first request under it, and its answer. */
export type RequestKey = {
  /** Who asked: kind, organization and id of the caller, as one word. */
  readonly caller: string
  /** The key as the caller sent it. */
  readonly key: string
}

/** Result of claiming an idempotency key. */
export type RequestClaim =
  /** It is the caller's to run, until `leaseUntil`. `token` ends it. `expiresAt` is of the first claim, however often it is claimed anew. */
  | { readonly status: 'claimed'; readonly token: number; readonly expiresAt: Date }
  /** Answered before, with the same fingerprint. */
  | { readonly status: 'answered'; readonly answer: string }
  /** Somebody is running it now. */
  | { readonly status: 'running' }
  /** The key was used for another request. */
  | { readonly status: 'other_request' }

/** HTTP requests with an idempotency key, and the responses to them. */
export interface RequestStore {
  /**
   * Claims a key, atomically: of concurrent callers one gets `claimed`. A row whose `expiresAt` is past counts as not
   * there; a running one whose lease is over, was given back, or ends later than `leaseUntil` by more than `clockToleranceMs`, may be claimed anew by the same request, under a new token and
   * until its first `expiresAt`.
   */
  claim(
    request: RequestKey & {
      readonly fingerprint: string
      readonly now: Date
      readonly leaseUntil: Date
      readonly expiresAt: Date
    },
  ): Promise<RequestClaim>
  /** Keeps the answer until the key expires; false where another holds the claim by now. */
  answer(request: RequestKey, token: number, answer: string): Promise<boolean>
  /**
   * Ends the lease: the request failed, and may be claimed anew at once. By the same request only: how much of it was done
   * before it failed is known to it alone.
   */
  release(request: RequestKey, token: number): Promise<void>
  /** Removes what expired, at most `limit` rows; how many. */
  purge(now: Date, limit: number): Promise<number>
}
