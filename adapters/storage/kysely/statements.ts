import type { Bind, Builder, Mode } from './query.ts'
import { accountStatements } from './statements/accounts.ts'
import { addressStatements } from './statements/addresses.ts'
import { answerStatements } from './statements/answers.ts'
import { consentStatements } from './statements/consents.ts'
import { deliveryStatements } from './statements/deliveries.ts'
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

/** Every statement whose text never changes, compiled when this is called and bound to a connection by `bind`. */
export const bindStatements = <M extends Mode>(db: Builder, bind: Bind<M>) => ({
  plans: planStatements(db, bind),
  reminders: reminderStatements(db, bind),
  deliveries: deliveryStatements(db, bind),
  settings: settingsStatements(db, bind),
  preferences: preferenceStatements(db, bind),
  decisions: decisionStatements(db, bind),
  requests: requestStatements(db, bind),
  jobs: jobStatements(db, bind),
  tasks: taskStatements(db, bind),
  accounts: accountStatements(db, bind),
  addresses: addressStatements(db, bind),
  links: linkStatements(db, bind),
  templateVersions: templateVersionStatements(db, bind),
  answers: answerStatements(db, bind),
  consents: consentStatements(db, bind),
  personal: personalStatements(db, bind),
  keys: keyStatements(db, bind),
})
export type Statements<M extends Mode> = ReturnType<typeof bindStatements<M>>
