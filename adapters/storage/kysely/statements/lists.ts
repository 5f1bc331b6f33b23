/** Statements built for every call, from the conditions asked for. */
export { auditPage } from './audit.ts'
export { counterRows, historyPage, historyTotal } from './history.ts'
