export type SectionName =
  | 'planning'
  | 'dispatch'
  | 'mail'
  | 'pending'
  | 'lateness'
  | 'million'
  | 'idle-sqlite'
  | 'idle-postgres'
  | 'router'
  | 'statistics'
  | 'receipts'
  | 'accounts'
  | 'calendar'
  | 'start'

/** What `npm run bench -- name` names: sections one after another, those in one list at the same time. */
export const steps: Readonly<Record<string, readonly (readonly SectionName[])[]>> = {
  planning: [['planning']],
  dispatch: [['dispatch']],
  mail: [['mail']],
  lateness: [['pending'], ['lateness']],
  // Idling, they do not disturb each other.
  million: [['million'], ['idle-sqlite', 'idle-postgres']],
  router: [['router']],
  statistics: [['statistics']],
  receipts: [['receipts']],
  accounts: [['accounts']],
  calendar: [['calendar']],
  start: [['start']],
}
