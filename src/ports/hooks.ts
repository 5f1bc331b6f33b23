import type { Answer, Reply } from '../schemas/answer.ts'

/** `signal` is aborted when the result is no longer awaited (`hookTimeoutMs`). */
type HookContext = { readonly signal: AbortSignal }

/**
 * Functions of your application that receive people's answers. Each call is awaited, for up to `hookTimeoutMs`. If it
 * rejects or times out it is repeated with growing intervals, also after a restart, until it resolves. So an answer arrives
 * at least once: use its `id` to recognize a repetition. For a hook that you leave out, messages do not ask for the answer.
 */
export type Hooks = {
  /** The person confirmed the appointment. */
  onConfirm?(answer: Answer, context: HookContext): unknown
  /** The person asks for another time. Nothing changes until you move or cancel the appointment. */
  onChangeRequest?(answer: Answer, context: HookContext): unknown
  /** The person asks to cancel. Nothing changes until you report the cancellation. */
  onCancelRequest?(answer: Answer, context: HookContext): unknown
  /**
   * The person wrote something that needs a person to read it: no clear answer, or one that may be about several
   * appointments.
   */
  onReply?(reply: Reply, context: HookContext): unknown
}
