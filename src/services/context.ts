import { EventEmitter } from 'node:events'
import type { NotificationEvents } from '../events.ts'
import type { Logger } from '../ports/logger.ts'
import type { TransactionStore } from '../records/store.ts'
import type { EntityId } from '../schemas/common.ts'
import { createSecretBox, type SecretBox } from '../security/secret-box.ts'
import { AccountReview } from './account-review.ts'
import { Accounts } from './accounts.ts'
import { Disappearances } from './disappearances.ts'
import { faultOf } from './fault-log.ts'
import { HostReader } from './host-reader.ts'
import { Providers } from './providers.ts'
import type { ServiceOptions } from './service-options.ts'

type Listener<Name extends keyof NotificationEvents> = (...args: NotificationEvents[Name]) => unknown

/**
 * The library's events. A listener that throws or rejects is logged, and the others are called: the row is committed, and a
 * bug of the host must not fail the library, nor end the process as a rejection that nobody handles.
 */
export class Events {
  readonly #emitter = new EventEmitter().setMaxListeners(0)
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  on<Name extends keyof NotificationEvents>(name: Name, listener: Listener<Name>): this {
    this.#emitter.on(name, listener)
    return this
  }

  once<Name extends keyof NotificationEvents>(name: Name, listener: Listener<Name>): this {
    this.#emitter.once(name, listener)
    return this
  }

  off<Name extends keyof NotificationEvents>(name: Name, listener: Listener<Name>): this {
    this.#emitter.off(name, listener)
    return this
  }

  emit<Name extends keyof NotificationEvents>(name: Name, ...args: NotificationEvents[Name]): void {
    const failed = (error: unknown) =>
      this.#logger.error('event listener failed', { event: name, fault: faultOf(error) })
    for (const listener of this.#emitter.rawListeners(name)) {
      try {
        const answer: unknown = Reflect.apply(listener, this.#emitter, args)
        if (answer instanceof Promise) answer.catch(failed)
      } catch (error) {
        failed(error)
      }
    }
  }
}

export { faultOf } from './fault-log.ts'

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
