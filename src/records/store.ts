import { NotificationError } from '../errors.ts'
import type { Command } from '../ports/rows/rows.ts'
import type {
  AccountCommands,
  AccountStore,
  AddressStore,
  AnswerStore,
  AuditCommands,
  AuditStore,
  ConsentStore,
  DecisionStore,
  DeliveryStore,
  LinkStore,
  PersonalStore,
  PlanCommands,
  PlanStore,
  PreferenceStore,
  SettingsStore,
  StatisticsStore,
  Storage,
  TaskStore,
  TemplateVersionStore,
  TransactionStorage,
} from '../ports/storage.ts'
import { lifts, proofs, suppressions } from './addresses.ts'
import { answers, handlings, hookClaims, hookResults, replies } from './answers.ts'
import { plans } from './apply-plan.ts'
import { auditEntries } from './audit.ts'
import { consents } from './consents.ts'
import { decisions } from './decisions.ts'
import { notices } from './enqueue.ts'
import { consentErasures, erasures } from './erase.ts'
import { goneAppointments, goneRecipients } from './forget.ts'
import { addressRestorations } from './hashed-addresses.ts'
import { intents } from './intents.ts'
import { challenges, renewals } from './leases.ts'
import { links, revocations } from './links.ts'
import { outcomes } from './outcomes.ts'
import { preferenceCreations, preferenceUpdates } from './preferences.ts'
import { receipts, silences } from './receive.ts'
import { accountReseals, settingsReseals } from './reseal.ts'
import { retentions } from './retain.ts'
import { previousAccounts, settingsCreations, settingsUpdates } from './settings.ts'
import { settles } from './settle.ts'
import { taskReports } from './task-report.ts'
import { alarms, taskCommands } from './tasks.ts'
import { templateDiscards, templateDrafts } from './template-versions.ts'
import { release } from './waiting.ts'

/** A storage with the commands of the records: what the services work with. */
export type Store = Omit<Storage, 'within'> & Commanded & { within?(transaction: unknown): TransactionStore }
type Commanded = {
  readonly audit: AuditStore & AuditCommands
  readonly plans: PlanStore
  readonly deliveries: DeliveryStore
  readonly settings: SettingsStore
  readonly preferences: PreferenceStore
  readonly addresses: AddressStore
  readonly answers: AnswerStore
  readonly consents: ConsentStore
  readonly decisions: DecisionStore
  readonly statistics: StatisticsStore
  readonly tasks: TaskStore
  readonly accounts: AccountStore & AccountCommands
  readonly links: LinkStore
  readonly templateVersions: TemplateVersionStore
  readonly personal: PersonalStore
}
/** The same within a transaction of the host. */
export type TransactionStore = TransactionStorage & { readonly plans: PlanCommands }

type Carrier = Pick<Storage, 'carry'>

async function one<Item, Outcome>(storage: Carrier, command: Command<Item, Outcome>, item: Item): Promise<Outcome> {
  const [outcome] = await storage.carry(command, [item])
  if (outcome === undefined) throw new Error('the storage gave no outcome of a command')
  return outcome
}

const heldError = () =>
  new NotificationError('storage_busy', 'Another transaction has locked the rows. Try again later.')

const planCommands = (storage: Carrier): PlanCommands => ({
  apply: (commands) => storage.carry(plans, commands),
  forgetAppointment: (id, entries, at, only, by) => one(storage, goneAppointments, { id, entries, at, only, by }),
  forgetRecipient: (recipient, at, by, part) => one(storage, goneRecipients, { recipient, at, by, part }),
})

/** Within a transaction of the host. */
export const transactionStoreOn = (storage: TransactionStorage): TransactionStore => ({
  ...storage,
  plans: { ...storage.plans, ...planCommands(storage) },
})

/** What has the commands already is used as it is: so a fault can be put between the services and a command. */
const isStore = (storage: Storage | Store): storage is Store => 'apply' in storage.plans

/** The groups of a storage are plain objects: their methods may be taken out of them. */
export const storeOn = (storage: Storage | Store): Store => (isStore(storage) ? storage : composed(storage))

const composed = (storage: Storage): Store => ({
  name: storage.name,
  carry: storage.carry.bind(storage),
  migrate: (options) => storage.migrate(options),
  ping: () => storage.ping(),
  ...(storage.now === undefined ? {} : { now: storage.now.bind(storage) }),
  ...(storage.onForeignChange === undefined ? {} : { onForeignChange: storage.onForeignChange.bind(storage) }),
  ...(storage.within === undefined ? {} : { within: within(storage.within.bind(storage)) }),
  ...(storage.scrub === undefined ? {} : { scrub: storage.scrub.bind(storage) }),
  ...(storage.stepMs === undefined ? {} : { stepMs: storage.stepMs }),
  ...(storage.relieve === undefined ? {} : { relieve: storage.relieve.bind(storage) }),
  close: () => storage.close(),
  keys: storage.keys,
  personal: {
    ...storage.personal,
    erase: (command) => one(storage, erasures, command),
    eraseConsents: async (entries) => void (await storage.carry(consentErasures, entries)),
    restoreAddress: async (hashed, at) => void (await one(storage, addressRestorations, { hashed, at })),
    retain: (commands) => storage.carry(retentions, commands),
  },
  reminders: storage.reminders,
  requests: storage.requests,
  jobs: storage.jobs,
  audit: { ...storage.audit, append: async (entry) => void (await one(storage, auditEntries, entry)) },
  accounts: {
    ...storage.accounts,
    release: (command) => release(storage, command),
    reseal: (reseals) => storage.carry(accountReseals, reseals),
    keepPrevious: async (accounts) => void (await one(storage, previousAccounts, accounts)),
  },
  plans: { ...storage.plans, ...planCommands(storage) },
  deliveries: {
    ...storage.deliveries,
    enqueue: (deliveries, decision, at, by) => one(storage, notices, { deliveries, decision, at, by }),
    commitIntents: (commands, now) => storage.carry(intents(now), commands),
    settle: (commands) => storage.carry(settles, commands),
    challenge: (claims) => storage.carry(challenges, claims),
    async renew(commands) {
      const outcomes = await storage.carry(renewals, commands)
      const renewed = outcomes.filter((outcome) => outcome !== 'held')
      if (renewed.length < outcomes.length) throw heldError()
      return renewed
    },
    recordReceipts: (commands) => storage.carry(receipts, commands),
    markUnreported: (ids, at) =>
      storage.carry(
        silences,
        ids.map((id) => ({ id, at })),
      ),
  },
  settings: {
    ...storage.settings,
    reseal: (reseals) => storage.carry(settingsReseals, reseals),
    create: (organizationId, values, replan, at, by) =>
      one(storage, settingsCreations, { organizationId, values, replan, at, by }),
    update: (organizationId, patch, replan, at, by, revision, along) =>
      one(storage, settingsUpdates, { organizationId, patch, replan, at, by, revision, ...along }),
  },
  preferences: {
    ...storage.preferences,
    create: (organizationId, recipient, values, replan, at, by) =>
      one(storage, preferenceCreations, { organizationId, recipient, values, replan, at, by }),
    update: (recipient, patch, replan, at, by) => one(storage, preferenceUpdates, { recipient, patch, replan, at, by }),
  },
  addresses: {
    ...storage.addresses,
    suppress: (command) => one(storage, suppressions, command),
    lift: (command) => one(storage, lifts, command),
    prove: async (address, at, by) => void (await one(storage, proofs, { ...address, at, by })),
  },
  answers: {
    ...storage.answers,
    record: (command) => one(storage, answers, command),
    keepReply: (command) => one(storage, replies, command),
    claimHook: (claim) => one(storage, hookClaims, claim),
    settleHook: (result) => one(storage, hookResults, result),
    handle: (id, organizationId, at, by) => one(storage, handlings, { id, organizationId, at, by }),
  },
  consents: { ...storage.consents, change: (command) => one(storage, consents, command) },
  decisions: { ...storage.decisions, append: async (rows) => void (await storage.carry(decisions, rows)) },
  statistics: {
    ...storage.statistics,
    recordOutcome: async (command) => void (await one(storage, outcomes, command)),
  },
  templateVersions: {
    ...storage.templateVersions,
    draft: (draft) => one(storage, templateDrafts, draft),
    discard: (draft) => one(storage, templateDiscards, draft),
  },
  links: {
    ...storage.links,
    add: async (rows) => void (await storage.carry(links, rows)),
    revoke: async (of) => void (await one(storage, revocations, of)),
  },
  tasks: {
    ...storage.tasks,
    apply: (commands) => storage.carry(taskCommands, commands),
    addAlarms: async (commands) => void (await storage.carry(alarms, commands)),
    report: (report) => one(storage, taskReports, report),
  },
})

const within =
  (open: (transaction: unknown) => TransactionStorage) =>
  (transaction: unknown): TransactionStore =>
    transactionStoreOn(open(transaction))
