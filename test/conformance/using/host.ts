import type { HostTransaction } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'

/** The host's transaction, with the row of its own that it writes in it. */
export type OpenTransaction = {
  readonly transaction: HostTransaction
  addVisit(id: number): Promise<void>
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** A host application with a table `visits` of its own in the database of the library. */
export type Host = {
  readonly storage: Store
  /** Another storage on the same rows, as another process has; the same one where there can be no other. */
  another(): Store
  begin(): Promise<OpenTransaction>
  visits(): Promise<number[]>
  /** Ends the host's connections; the storages are closed before. */
  dispose(): Promise<void>
}

export type OpenHost = () => Promise<Host>
