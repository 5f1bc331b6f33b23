/** The arguments are wrong: the answer is how to call the command. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
