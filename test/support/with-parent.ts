/** Imported into a process that a test spawns with a channel: it is told to end when the one that spawned it is gone. */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
process.channel?.unref()
