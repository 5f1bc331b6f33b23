/** What this thread has had of the processor, in ms. By the clock, work takes longer on a machine that is busy with something else. */
export const spentMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
