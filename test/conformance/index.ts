/**
 * What transports, schedulers, storages and routers promise, as suites for vitest: each declares the tests for an adapter of yours,
 * in a test file of your project (`npm install --save-dev vitest`). The adapters of this package pass the same suites.
 * @example
 * import { transportConformance } from 'appointment-notifications/conformance'
 *
 * transportConformance({
 *   name: 'gateway',
 *   open: async () => ({ transport: gateway({ url: server.url }), channel: 'SMS', received: async () => server.keys }),
 * })
 */

export {
  type Library,
  type Mount,
  type Mounted,
  type RouterConformanceOptions,
  routerConformance,
} from './http/suite.ts'
export { type SchedulerConformanceOptions, type SchedulerHarness, schedulerConformance } from './scheduler/index.ts'
export {
  type OpenStorage,
  type StorageConformanceOptions,
  type StorageHarness,
  type StoragePart,
  storageConformance,
} from './storage/index.ts'
export {
  type TransportConformanceOptions,
  type TransportHarness,
  transportConformance,
} from './transport/index.ts'
