import type { Dialect } from './dialect.ts'
import type { Builder } from './query.ts'
import { accountStatements } from './statements/accounts.ts'
import { addressStatements } from './statements/addresses.ts'
import { answerStatements } from './statements/answers.ts'
import { consentStatements } from './statements/consents.ts'
import { deliveryStatements } from './statements/deliveries.ts'
import { dueTimeStatements } from './statements/due.ts'
import { jobStatements } from './statements/jobs.ts'
import { keyStatements } from './statements/keys.ts'
import { linkStatements } from './statements/links.ts'
import { personalStatements } from './statements/personal.ts'
import { planStatements } from './statements/plans.ts'
import { reminderStatements } from './statements/reminders.ts'
import { requestStatements } from './statements/requests.ts'
import { decisionStatements, preferenceStatements, settingsStatements } from './statements/settings.ts'
import { taskStatements } from './statements/tasks.ts'
import { templateVersionStatements } from './statements/template-versions.ts'

/** Every statement whose text never changes. */
export const statementsOf = (db: Builder, dialect: Dialect) => ({
  plans: planStatements(db, dialect),
  reminders: reminderStatements(db, dialect),
  deliveries: deliveryStatements(db, dialect),
  settings: settingsStatements(db, dialect),
  preferences: preferenceStatements(db, dialect),
  dueTimes: dueTimeStatements(db),
  decisions: decisionStatements(db),
  requests: requestStatements(db, dialect),
  jobs: jobStatements(db),
  tasks: taskStatements(db, dialect),
  accounts: accountStatements(db, dialect),
  addresses: addressStatements(db, dialect),
  links: linkStatements(db, dialect),
  templateVersions: templateVersionStatements(db, dialect),
  answers: answerStatements(db, dialect),
  consents: consentStatements(db, dialect),
  personal: personalStatements(db, dialect),
  keys: keyStatements(db, dialect),
})
export type Statements = ReturnType<typeof statementsOf>
