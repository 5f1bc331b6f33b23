import { commandLine, createdLibraries, isCommandLine } from './command-line.ts'
import { NotificationError } from './errors.ts'
import { createHandler } from './http/handler.ts'
import { createIdempotency } from './http/idempotency.ts'
import { createIdentify } from './http/identify.ts'
import { createOriginGuard } from './http/origins.ts'
import { createRateLimiter } from './http/rate-limit.ts'
import { endpointTable } from './http/table.ts'
import type { Notifications } from './library.ts'
import { type NotificationsOptions, resolveOptions } from './options.ts'
import { loadNumberingPlans } from './schemas/phone-number.ts'
import { createFingerprint } from './security/fingerprint.ts'
import { Answers } from './services/answers/answers.ts'
import { HookCalls } from './services/answers/hook-calls.ts'
import { Consent } from './services/consent/consent.ts'
import { Bounces } from './services/delivery/bounces.ts'
import { Callbacks } from './services/delivery/callbacks.ts'
import { Dispatcher } from './services/delivery/dispatcher.ts'
import { Restore } from './services/delivery/restore.ts'
import { embeddedScheduler } from './services/delivery/scheduling/embedded-scheduler.ts'
import { feeder } from './services/delivery/scheduling/feeder.ts'
import { guardedScheduler } from './services/delivery/scheduling/guarded-scheduler.ts'
import { unreportedMessages } from './services/delivery/unreported.ts'
import { Webhooks } from './services/delivery/webhooks.ts'
import { AuditLog } from './services/insight/audit-log.ts'
import { CheckUp } from './services/insight/check-up.ts'
import { Health } from './services/insight/health.ts'
import { Insight } from './services/insight/insight.ts'
import { Statistics } from './services/insight/statistics.ts'
import { LinkPages } from './services/links/link-pages.ts'
import { TemplatePreviews } from './services/messages/template-preview.ts'
import { NotificationService } from './services/notification-service.ts'
import { Planner } from './services/planning/planner.ts'
import { Reconciler } from './services/planning/reconciler.ts'
import { Replanner } from './services/planning/replanner.ts'
import { Privacy } from './services/privacy/privacy.ts'
import { retention } from './services/privacy/retention.ts'
import { Addresses } from './services/settings/addresses.ts'
import { SettingsService } from './services/settings/settings-service.ts'
import { TemplateVersions } from './services/settings/template-versions.ts'
import { reportChannels, Unattended } from './services/shared/accounts/sending-report.ts'
import { createContext } from './services/shared/context.ts'
import { faultOf } from './services/shared/fault-log.ts'
import { housekeeping } from './services/shared/housekeeping.ts'
import { LibraryClock } from './services/shared/library-clock.ts'
import { Owners } from './services/shared/owners.ts'
import { logLeft, type StopReport, shutDown } from './services/shared/shutdown.ts'
import { TaskManagerIntegration } from './services/task-manager/integration.ts'

/**
 * Creates the library from a storage, transports and your directory. Nothing is opened or sent yet: call `migrate()` when
 * you deploy, and `start()` in the processes that send.
 * @throws NotificationError `options_invalid` naming the option.
 * @example
 * ```ts
 * const { notifications, migrate, start } = createNotifications({
 *   storage: sqlite('clinic.sqlite'),
 *   transports: [smtp()],
 *   directory,
 * })
 * await migrate()
 * await start()
 * await notifications.appointmentBooked(42)
 * ```
 */
export function createNotifications(options: NotificationsOptions): Notifications {
  const given = resolveOptions(options)
  const clock = new LibraryClock(given.clock, given.storage, given.logger)
  const resolved = { ...given, clock }
  const context = createContext(resolved, {
    dueAt: (at) => {
      dispatcher.dueAt(at)
      taskManager?.wake()
      unattended.planned()
    },
    reported: (appointmentId) => dispatcher.reported(appointmentId),
    replanQueued: () => replanner.wake(),
    tasksTouched: () => taskManager?.wake(),
    taskManagerFault: () => taskManager?.client.fault ?? null,
  })
  const unattended = new Unattended(context, () => dispatcher.isRunning)
  const planner = new Planner(context)
  const callbacks = new Callbacks(context)
  const hookCalls = new HookCalls(context)
  const answers = new Answers(context, hookCalls)
  const webhooks = new Webhooks(context, answers)
  const bounces = new Bounces(context, callbacks, resolved)
  const taskManager =
    resolved.taskManager === null ? null : new TaskManagerIntegration(context, resolved.taskManager, planner, callbacks)
  const { storage, transports, logger } = resolved
  const scheduler = guardedScheduler(options.scheduler ?? embeddedScheduler(), clock, logger)
  const dispatcher = new Dispatcher(context, planner, scheduler, taskManager?.workSource)
  const feed = feeder(context, scheduler)
  const replanner = new Replanner(context, planner)
  const reconciler = new Reconciler(context, planner)
  const restore = new Restore(context, reconciler)
  const jobs = [housekeeping(context), unreportedMessages(context), retention(context)]
  const notifications = new NotificationService(context, planner)
  const settings = new SettingsService(context)
  const addresses = new Addresses(context)
  const consent = new Consent(context)
  const templateVersions = new TemplateVersions(context)
  const statistics = new Statistics(context)
  const audit = new AuditLog(context)
  const insight = new Insight(context)
  const privacy = new Privacy(context)
  const health = new Health({ context, taskManager, dispatcher, scheduler, clock, restore, webhooks, log: logger })
  const checkUp = new CheckUp(context, health)
  const links = new LinkPages(context, answers, consent)
  const table = endpointTable({
    ids: resolved.ids,
    notifications,
    settings,
    addresses,
    consent,
    callbacks,
    bounces: resolved.bounces === null ? null : bounces,
    webhooks,
    templates: new TemplatePreviews(context),
    templateVersions,
    statistics,
    health,
    checkUp,
    audit,
    insight,
    answers,
    privacy,
    owners: new Owners(context),
    links,
    docs: resolved.docs,
    clock,
    publicUrl: resolved.publicUrl,
  })
  const { authenticate, rateLimits, publicUrl, allowedOrigins } = resolved
  const rateLimiter = rateLimits === null ? null : createRateLimiter(rateLimits, clock, logger)
  const fingerprint = createFingerprint(resolved.encryptionKeys)
  const idempotency = createIdempotency({ requests: storage.requests, fingerprint, clock, logger })
  let starting: Promise<void> | null = null
  let stopped: Promise<StopReport> | null = null

  async function start(): Promise<void> {
    await Promise.all([resolved.calendar?.load(), loadNumberingPlans()])
    await clock.follow()
    await dispatcher.start()
    if (stopped !== null) throw stoppedMeanwhile()
    feed?.start()
    replanner.start()
    for (const job of jobs) job.start()
    reconciler.start()
    hookCalls.start()
    taskManager?.start()
    reportChannels(context)
    context.review.start()
  }

  async function stop(): Promise<StopReport> {
    const abandoned = await shutDown({
      clock,
      logger,
      drainMs: resolved.drainMs,
      services: [
        { name: 'dispatch', stop: () => dispatcher.stop() },
        { name: `scheduler ${scheduler.name}`, stop: () => scheduler.stop() },
        { name: 'TaskManager', stop: () => taskManager?.stop() },
        { name: 'reconciliation', stop: () => reconciler.stop() },
        { name: 'housekeeping', stop: () => Promise.all(jobs.map((job) => job.stop())) },
        { name: 're-planning', stop: () => replanner.stop() },
        { name: 'hooks', stop: () => hookCalls.stop() },
        { name: 'feeder', stop: () => feed?.stop() },
      ],
      transports: transports.map((transport) => ({
        name: `transport ${transport.name}`,
        stop: () => transport.close?.(),
      })),
      storage: { name: 'storage', stop: () => storage.close() },
      drained: () => context.host.close(),
    })
    const report = { ...dispatcher.left, abandoned }
    logLeft(logger, report)
    logger.flush()
    return report
  }

  const library: Notifications = {
    notifications,
    settings,
    templateVersions,
    addresses,
    consent,
    statistics,
    audit,
    insight,
    answers,
    links,
    privacy,
    events: context.events,
    handle: createHandler({
      table,
      requireOrigin: createOriginGuard({ publicUrl, allowedOrigins, logger }),
      identify: createIdentify({ authenticate, ids: resolved.ids, clock, logger }),
      rateLimiter,
      idempotency,
      logger,
      clock,
      requireToken: callbacks.requireToken.bind(callbacks),
    }),
    endpoints: table,
    callbackUrl: callbacks.url.bind(callbacks),
    health: () => health.check({ verify: false, organizationId: null }),
    checkUp: checkUp.run.bind(checkUp),
    recordReceipt: callbacks.recordReceipt.bind(callbacks),
    ingestBounce: bounces.ingest.bind(bounces),
    reconcile: (reconcileOptions) => reconciler.reconcile(reconcileOptions),
    async afterRestore(since) {
      if (starting !== null) {
        throw new NotificationError(
          'conflict',
          'Call afterRestore() before start(): due messages are already being sent.',
        )
      }
      await clock.follow()
      return restore.afterRestore(since)
    },
    held: restore.list.bind(restore),
    releaseHeld: restore.release.bind(restore),
    cancelHeld: restore.cancel.bind(restore),
    async migrate({ adopt = false, dryRun = false, ...further } = {}) {
      if (isCommandLine() && !dryRun && !(commandLine in further)) {
        logger.info('not migrated: only the command "migrate" changes tables')
        return { applied: [], version: 0, sql: [] }
      }
      return storage.migrate({ ids: resolved.ids, adopt, dryRun, now: clock.now(), logger })
    },
    async start() {
      if (isCommandLine()) {
        logger.info('not started: the command line sends nothing')
        return
      }
      if (stopped !== null) throw stoppedMeanwhile()
      starting ??= start().catch((error: unknown) => {
        starting = null
        // A host may ignore the rejection, and nothing would ever be sent.
        logger.error('not started: nothing is sent by this process', { fault: faultOf(error) })
        throw error
      })
      return starting
    },
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
  const created: unknown = Reflect.get(globalThis, createdLibraries)
  if (Array.isArray(created)) created.push(library)
  return library
}

const stoppedMeanwhile = () =>
  new NotificationError('storage_closed', 'The library was stopped; create it again to start it.')
