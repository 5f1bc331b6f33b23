import type { IdCodec } from '../codecs/ids.ts'
import type { Statements } from '../statements.ts'

type All = Statements<'sync'>
type Only<Group, Name extends keyof Group, Way> = {
  readonly [N in Name]: Pick<Group[N], Way & keyof Group[N]>
}
type Gets<Group, Name extends keyof Group> = Only<Group, Name, 'get'>
type Lists<Group, Name extends keyof Group> = Only<Group, Name, 'all'>
type Runs<Group, Name extends keyof Group> = Only<Group, Name, 'run'>

type Preferences<Group extends All['preferences']['PATIENT' | 'CLIENT']> = Lists<Group, 'get'> &
  Gets<Group, 'revision'> &
  Runs<Group, 'insert' | 'update' | 'delete'>

/**
 * The statements that commands use, each in the one way it is used. A command is the same synchronous steps for every
 * database: SQLite runs them on its own connection, where a statement costs microseconds; a database behind a network
 * runs them on rows that it read and locked before, and writes what they changed in bulk.
 */
export type CommandStatements = {
  readonly plans: Gets<All['plans'], 'get' | 'revision'> &
    Lists<All['plans'], 'ofAppointments' | 'ofRecipient'> &
    Runs<All['plans'], 'insert' | 'update' | 'delete' | 'link' | 'unlink' | 'dropJob' | 'addJob'>
  readonly reminders: Gets<All['reminders'], 'get'> &
    Lists<All['reminders'], 'live' | 'pendingOfAppointment'> &
    Runs<
      All['reminders'],
      'insert' | 'cancel' | 'claim' | 'retime' | 'text' | 'defer' | 'suspend' | 'finish' | 'correct'
    >
  readonly deliveries: Gets<All['deliveries'], 'get' | 'state' | 'held'> &
    Lists<All['deliveries'], 'superseded' | 'openOfAppointment' | 'openOfRecipient'> &
    Runs<
      All['deliveries'],
      | 'insert'
      | 'claim'
      | 'cancel'
      | 'recall'
      | 'text'
      | 'fault'
      | 'sent'
      | 'defer'
      | 'suspend'
      | 'receive'
      | 'identify'
      | 'suppress'
    >
  readonly settings: Gets<All['settings'], 'get' | 'revision'> & Runs<All['settings'], 'insert' | 'update'>
  readonly preferences: {
    readonly PATIENT: Preferences<All['preferences']['PATIENT']>
    readonly CLIENT: Preferences<All['preferences']['CLIENT']>
  }
  readonly accounts: Runs<All['accounts'], 'wait'>
  readonly decisions: Runs<All['decisions'], 'insert'>
  readonly audit: Runs<All['audit'], 'insert'>
  readonly statistics: Gets<All['statistics'], 'outcome' | 'metered'> &
    Runs<All['statistics'], 'count' | 'recordOutcome'>
  readonly tasks: Gets<All['tasks'], 'get' | 'ofReminder' | 'ofNotification'> &
    Runs<
      All['tasks'],
      'insert' | 'update' | 'delete' | 'touchReminder' | 'touchNotification' | 'assignReminder' | 'assignDelivery'
    >
}

/** What a command works with; only valid until it returns, because a command is one synchronous block. */
export type Tx = {
  readonly statements: CommandStatements
  readonly ids: IdCodec
  /**
   * Whether the counters of all organizations together are kept too. Reading them is cheap then; but every writer of
   * every process changes the same few rows, which only a database with one writer at a time bears well.
   */
  readonly rollsUp: boolean
}
