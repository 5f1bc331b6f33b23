export { asIsoText, asMilliseconds } from '../query.ts'
/** Statements built for every call, from the conditions asked for. */
export { auditPage } from './audit.ts'
export { historyPage, historyTotal } from './history.ts'
export { countedByDay, countedDays, countedInAll } from './statistics.ts'
