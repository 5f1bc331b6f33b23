import type { Answer, Reply } from '../schemas/answer.ts'

/** `signal` is aborted when the call is no longer awaited. */
type HookContext = { readonly signal: AbortSignal }

/**
 * What your application does with people's answers. Each call is awaited (`hookTimeoutMs`), and repeated with growing waits, also
 * after a restart, until it resolves: an answer arrives at least once, so that `id` tells a repeated call. A hook that you leave
 * out is never called, and no message asks for what only that hook would hear.
 */
export type Hooks = {
  /** The person confirmed that they come. */
  onConfirm?(answer: Answer, context: HookContext): unknown
  /** The person asks for another time. The appointment and its reminders stay until you move or cancel it. */
  onChangeRequest?(answer: Answer, context: HookContext): unknown
  /** The person asks to cancel. The appointment and its reminders stay until you report the cancellation. */
  onCancelRequest?(answer: Answer, context: HookContext): unknown
  /** The person wrote something else, or something that could mean several appointments: for people to read. */
  onReply?(reply: Reply, context: HookContext): unknown
}
