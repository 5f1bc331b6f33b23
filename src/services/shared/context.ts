import type { TransactionStore } from '../../records/store.ts'
import type { EntityId } from '../../schemas/common.ts'
import { createSecretBox, type SecretBox } from '../../security/secret-box.ts'
import { AccountReview } from './accounts/account-review.ts'
import { Accounts } from './accounts/accounts.ts'
import { Providers } from './accounts/providers.ts'
import { Disappearances } from './directory/disappearances.ts'
import { HostReader } from './directory/host-reader.ts'
import { Events } from './events.ts'
import type { ServiceOptions } from './service-options.ts'

/** How the services tell the engine that there is something to do. */
export type Signals = {
  /** Something may be due at this time: whoever wakes the dispatcher is to know. */
  readonly dueAt: (at: Date) => void
  /** The host reports something of the appointment: what it said of it before is no longer to be used. */
  readonly reported: (appointmentId: EntityId) => void
  /** A re-plan was queued. */
  readonly replanQueued: () => void
  /** Tasks of TaskManager are to be looked at. */
  readonly tasksTouched: () => void
  /** Why TaskManager does not answer; null: it does, or is not used. */
  readonly taskManagerFault: () => string | null
}

/** What the services share. Built once by `createNotifications`. */
export type Context = Signals & {
  readonly options: ServiceOptions
  readonly host: HostReader
  readonly disappearances: Disappearances
  readonly providers: Providers
  /** Accounts that were refused. */
  readonly accounts: Accounts
  /** Accounts that cannot be used. */
  readonly review: AccountReview
  readonly secrets: SecretBox | null
  readonly events: Events
}

/** What planning needs of it; in a transaction of the host, storage, truth and news are that transaction's own. */
export type PlanningContext = Pick<Context, 'dueAt' | 'reported' | 'tasksTouched' | 'providers'> & {
  readonly options: Pick<ServiceOptions, 'clock' | 'ids' | 'logger' | 'taskManager'> & {
    readonly storage: TransactionStore
  }
  readonly host: Pick<HostReader, 'appointments' | 'organizations'>
  readonly events: Pick<Events, 'emit'>
}

export function createContext(options: ServiceOptions, signals: Signals): Context {
  const events = new Events(options.logger)
  const secrets = options.encryptionKeys.length === 0 ? null : createSecretBox(options.encryptionKeys)
  const context: Context = {
    options,
    host: new HostReader(options.directory, options.ids, {
      clock: options.clock,
      logger: options.logger,
      timeoutMs: options.directoryTimeoutMs,
      found: (finding) => events.emit('directory.finding', finding),
    }),
    disappearances: new Disappearances(options.storage.decisions, options.clock),
    providers: new Providers(options.transports, options.defaults, secrets, options.taskManager?.mode === 'deliver'),
    get accounts() {
      return accounts
    },
    get review() {
      return review
    },
    secrets,
    events,
    ...signals,
  }
  const accounts = new Accounts(context)
  const review = new AccountReview(context)
  return context
}
