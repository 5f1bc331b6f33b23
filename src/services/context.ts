import { EventEmitter } from 'eventemitter3'
import { NotificationError } from '../errors.ts'
import type { NotificationEvents } from '../events.ts'
import type { Logger } from '../ports/logger.ts'
import type { TransactionStorage } from '../ports/storage.ts'
import { createSecretBox, type SecretBox } from '../security/secret-box.ts'
import { AccountGate } from './dispatch/account-gate.ts'
import { HostReader } from './host-reader.ts'
import { Providers } from './providers.ts'
import type { ServiceOptions } from './service-options.ts'

/** The library's events. A listener that throws is logged: the row is committed, and a bug of the host must not fail the library. */
export class Events extends EventEmitter<NotificationEvents> {
  readonly #logger: Logger

  constructor(logger: Logger) {
    super()
    this.#logger = logger
  }

  override emit<Name extends EventEmitter.EventNames<NotificationEvents>>(
    name: Name,
    ...args: EventEmitter.EventArgs<NotificationEvents, Name>
  ): boolean {
    try {
      return super.emit(name, ...args)
    } catch (error) {
      this.#logger.error('event listener failed', { event: name, fault: faultOf(error) })
      return true
    }
  }
}

/** How the services tell the engine that there is something to do. */
export type Signals = {
  /** Something may be due at this time: whoever wakes the dispatcher is to know. */
  readonly dueAt: (at: Date) => void
  /** A re-plan was queued. */
  readonly replanQueued: () => void
  /** Tasks of TaskManager are to be looked at. */
  readonly tasksTouched: () => void
}

/** What the services share. Built once by `createNotifications`. */
export type Context = Signals & {
  readonly options: ServiceOptions
  readonly host: HostReader
  readonly providers: Providers
  /** What the dispatcher of this process learned of the accounts it sends through. */
  readonly accounts: AccountGate
  readonly secrets: SecretBox | null
  readonly events: Events
}

/** What planning needs of it; in a transaction of the host, storage, truth and news are that transaction's own. */
export type PlanningContext = Pick<Context, 'dueAt' | 'tasksTouched' | 'providers'> & {
  readonly options: Pick<ServiceOptions, 'clock' | 'ids' | 'logger' | 'taskManager'> & {
    readonly storage: TransactionStorage
  }
  readonly host: Pick<HostReader, 'appointments' | 'organizations'>
  readonly events: Pick<Events, 'emit'>
}

export function createContext(options: ServiceOptions, signals: Signals): Context {
  const secrets = options.encryptionKeys.length === 0 ? null : createSecretBox(options.encryptionKeys)
  return {
    options,
    host: new HostReader(options.directory, options.ids, options.logger),
    providers: new Providers(options.transports, options.defaults, secrets, options.taskManager?.mode === 'deliver'),
    accounts: new AccountGate(),
    secrets,
    events: new Events(options.logger),
    ...signals,
  }
}

/** What may be logged of an unknown error: our own messages are safe, a stranger's may hold personal data. */
export const faultOf = (error: unknown): string =>
  error instanceof NotificationError
    ? `${error.code}: ${error.message}`
    : error instanceof Error
      ? error.name
      : 'unknown'
