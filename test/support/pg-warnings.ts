/**
 * pg 9 refuses a statement beside others that a connection has still to answer, of which pg 8 only warns: whoever gives one fails the run
 * already. A process warns once.
 */
const watching = Symbol.for('appointment-notifications.pg-warnings')

if (!Reflect.has(process, watching)) {
  Reflect.set(process, watching, true)
  process.on('warning', (warning) => {
    // pg-boss itself prepares each connection while it is lent already.
    const isOfPgBoss = warning.stack?.includes('_afterConnect') === true
    if (warning.message.includes('removed in pg@') && !isOfPgBoss) throw warning
  })
}
