import type { Languages } from '../../messages/index.ts'
import type { TransactionStore } from '../../records/store.ts'
import type { EntityId } from '../../schemas/common.ts'
import { createSecretBox, type SecretBox } from '../../security/secret-box.ts'
import { AccountReview } from './accounts/account-review.ts'
import { Accounts } from './accounts/accounts.ts'
import { HostAccounts } from './accounts/host-accounts.ts'
import { Providers } from './accounts/providers.ts'
import { Disappearances } from './directory/disappearances.ts'
import { HostReader } from './directory/host-reader.ts'
import { Events } from './events.ts'
import { AddressHashes, withHashedAddresses } from './hashed-addresses.ts'
import { Links } from './links.ts'
import type { ServiceOptions } from './service-options.ts'

/** How services notify the background workers that there is something to do. */
export type Signals = {
  /** Something may be due at this time: the dispatcher must be woken then. */
  readonly dueAt: (at: Date) => void
  /** The host reported a change of the appointment: cached rows of it are outdated. */
  readonly reported: (appointmentId: EntityId) => void
  /** A re-plan was queued. */
  readonly replanQueued: () => void
  /** TaskManager's tasks must be checked. */
  readonly tasksTouched: () => void
  /** Why TaskManager does not respond; null: it does, or is not used. */
  readonly taskManagerFault: () => string | null
}

/** What the services share. Built once by `createNotifications`. */
export type Context = Signals & {
  readonly options: ServiceOptions
  readonly host: HostReader
  /** What built-in texts are written in. */
  readonly languages: Languages
  readonly disappearances: Disappearances
  readonly providers: Providers
  /** The ids of the host application's own accounts. */
  readonly hostAccounts: HostAccounts
  /** Accounts paused because a provider refuses them. */
  readonly accounts: Accounts
  /** Accounts that cannot be used as configured. */
  readonly review: AccountReview
  readonly secrets: SecretBox | null
  readonly links: Links
  /** Addresses of erased persons. */
  readonly hashes: AddressHashes
  readonly events: Events
}

/** The part that planning needs; in a transaction of the host, storage, directory and events are those of the transaction. */
export type PlanningContext = Pick<
  Context,
  'dueAt' | 'reported' | 'tasksTouched' | 'providers' | 'languages' | 'links'
> & {
  readonly options: Pick<
    ServiceOptions,
    'clock' | 'ids' | 'logger' | 'taskManager' | 'leadMs' | 'settleMs' | 'compilers' | 'mailFrames' | 'traceContext'
  > & {
    readonly storage: TransactionStore
  }
  readonly host: Pick<HostReader, 'appointments' | 'organizations'>
  readonly events: Pick<Events, 'emit'>
}

export function createContext(given: ServiceOptions, signals: Signals): Context {
  const events = new Events(given.logger)
  const secrets = given.encryptionKeys.length === 0 ? null : createSecretBox(given.encryptionKeys)
  const hashes = new AddressHashes({ keys: given.storage.keys, secrets, clock: given.clock })
  const options = { ...given, storage: withHashedAddresses(given.storage, hashes) }
  const context: Context = {
    options,
    host: new HostReader(options.directory, options.ids, options.compilers.variables, {
      clock: options.clock,
      logger: options.logger,
      timeoutMs: options.directoryTimeoutMs,
      found: (finding) => events.emit('directory.finding', finding),
    }),
    languages: options.languages,
    disappearances: new Disappearances(options.storage.decisions, options.clock),
    providers: new Providers(options.transports, options.defaults, secrets, options.taskManager?.mode === 'deliver'),
    get hostAccounts() {
      return hostAccounts
    },
    get accounts() {
      return accounts
    },
    get review() {
      return review
    },
    secrets,
    links: new Links(options),
    hashes,
    events,
    ...signals,
  }
  const hostAccounts = new HostAccounts(context)
  const accounts = new Accounts(context)
  const review = new AccountReview(context)
  return context
}
