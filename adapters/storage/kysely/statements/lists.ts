/** Statements built for every call, from the conditions asked for. */
export { auditRows } from './audit.ts'
export { combinationsOf, countOf, placesOf, sizeOf } from './branches.ts'
export { historyRows, providerRows, rowsSentWith } from './history.ts'
export { countedByDay, countedDays, countedInAll } from './statistics.ts'
