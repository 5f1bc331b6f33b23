import type { CheckUpCode } from '../../src/index.ts'

/** What `checkUp()` finds of a set-up: its cause, what to do about it, and which findings follow from it; it finds nothing else. */
export type Expected = readonly [code: CheckUpCode, cause: RegExp, remedy: RegExp, beside?: CheckUpCode]

const setMissing =
  /^Set what is missing; if the channel is not used, remove its transport and variables\. Then restart\.$/
const correctAccount = /^Correct the account, or what its provider asks for; messages wait until then/
const correctSettings = /^Correct the organization's settings of this channel\.$/
const correctMethod = /^Correct this method of your directory; the messages that need it wait\. The log line/
const correctRows = /^Correct these rows, or how your directory returns them/
const migrate = /^Run migrate\(\), or "npx appointment-notifications migrate"/
const checkDatabase = /^Check that the database runs, and that this process may reach, read and write it\.$/
const correctAuthenticate = /^Correct the option "authenticate"/

export const findings: Readonly<Record<string, Expected>> = {
  'no transport at all': ['channel_unprovided', /^EMAIL: no transport.*option "transports"/, setMissing, 'logged'],
  'a default SMS provider without its transport': [
    'channel_unprovided',
    /^SMS: no transport.*option "transports"/,
    setMissing,
  ],
  'no SMTP host anywhere': ['channel_unprovided', /^EMAIL: neither .* set DEFAULT_SMTP_HOST/, setMissing, 'logged'],
  'no sender of the default account': [
    'channel_unprovided',
    /^EMAIL: .*no sender address; set DEFAULT_EMAIL_FROM_ADDRESS/,
    setMissing,
    'logged',
  ],
  'no auth token of the default SMS account': [
    'channel_unprovided',
    /^SMS: .*key or secret.*missing; set .*DEFAULT_SMS_API_SECRET/,
    setMissing,
    'logged',
  ],
  'a wrong SMTP port, where nobody listens': [
    'account_paused',
    /Connecting to the mail server failed.*Check the host and the port\. \(smtp_connrefused\); tried again at /,
    correctAccount,
  ],
  'a wrong SMTP host name': ['account_paused', /could not be resolved\. \(smtp_dns\)/, correctAccount],
  'SMTP credentials that are refused': [
    'account_paused',
    /the host application's own account.*Check the user name and the password\. \(smtp_535\)/,
    correctAccount,
  ],
  'a server that does not offer the TLS that is demanded': [
    'account_paused',
    /does not offer encryption \(STARTTLS\)/,
    correctAccount,
  ],
  'TLS from the start with a server that speaks in the clear': [
    'account_paused',
    /does not use TLS.*Check the port: 465/,
    correctAccount,
  ],
  'a certificate that nobody vouches for': [
    'account_paused',
    /The certificate of the mail server is not trusted/,
    correctAccount,
  ],
  'a mail account whose quota is used up': ['account_paused', /answered 452 4\.5\.3 to MAIL FROM/, correctAccount],
  'Twilio credentials that are refused': ['account_paused', /Twilio refused the credentials/, correctAccount],
  'an SMS account whose quota is used up': ['account_paused', /has reached its daily limit/, correctAccount],
  'an Account SID that is none': ['account_paused', /no Account SID \(AC\.\.\.\) and auth token/, correctAccount],
  'a sender number that Twilio does not know': [
    'account_paused',
    /The number of the sender is invalid/,
    correctAccount,
  ],
  'no sender number': ['account_paused', /There is no sender number/, correctAccount],
  'a sender that may not send to a country': [
    'account_paused',
    /paused to \+1415: The sender cannot send to this destination/,
    correctAccount,
  ],
  'an organization without an SMTP host': ['account_unusable', /no SMTP host.*\(no_host\)/, correctSettings, 'logged'],
  'an organization without a sender': [
    'account_unusable',
    /^EMAIL: the account has no sender address/,
    correctSettings,
    'logged',
  ],
  'an organization without an SMS secret': [
    'account_unusable',
    /^SMS: the key or secret of the account is missing/,
    correctSettings,
    'logged',
  ],
  'no encryption key, and stored credentials': [
    'account_unusable',
    /require the option "encryptionKey"/,
    /^Give the key .* "encryptionKey", or NOTIFICATIONS_ENCRYPTION_KEY/,
  ],
  'a changed encryption key': [
    'account_unusable',
    /cannot be decrypted/,
    /^Add the key .* "encryptionKey", or save these credentials again/,
  ],
  'a mail host that leads to a private network': [
    'account_paused',
    /the organization's account.*emailSmtpHost must be on the public internet/,
    correctAccount,
  ],
  'credentials of an organization that are refused': [
    'account_paused',
    /the organization's account.*Check the user name and the password/,
    correctAccount,
  ],
  'a channel disabled while reminders are planned': [
    'logged',
    /disabled a channel: its reminders are withdrawn \(channel: EMAIL\), once/,
    /^Enable the channel again if that was not meant/,
  ],
  'a stored template that cannot be rendered': [
    'logged',
    /template broken.*emailTemplates\.appointment_reminder, line 1, column 4: \{tme\}/,
    /^Correct the template/,
  ],
  'a daily cap that is reached': ['logged', /daily send cap reached/, /raise the option "sendCap"/],
  'a directory without "recipients"': [
    'logged',
    /"directory" has no method "recipients"/,
    /^Add the method to your directory/,
  ],
  'a method that throws': [
    'directory_failing',
    /directory\.appointments\(\) fails: Error \(ECONNREFUSED\)/,
    correctMethod,
    'messages_late',
  ],
  'a method that never answers': [
    'directory_failing',
    /directory\.appointments\(\) fails: no response in time/,
    correctMethod,
    'messages_late',
  ],
  'an answer that is no list': [
    'directory_failing',
    /directory\.appointments\(\) fails: the result is not an array/,
    correctMethod,
    'messages_late',
  ],
  'a method that throws for one organization': [
    'directory_failing',
    /directory\.organizations\(\) fails/,
    correctMethod,
    'messages_late',
  ],
  'rows with fields of other names': [
    'directory_fields',
    /1 row, such as 1, whose field recipients\[\]\.mail is ignored: .*did you mean "email"\?$/,
    /^Correct the field, or how your directory returns it/,
  ],
  'rows with a word that is no status': [
    'directory_rows',
    /1 row that cannot be read \(1\): status must be one of scheduled/,
    correctRows,
  ],
  'ids of the wrong kind': ['directory_rows', /\(1\): id must be an integer/, correctRows],
  'a zone that is an abbreviation': ['directory_rows', /\(1\): timeZone must be .*Europe\/London/, correctRows],
  'a directory that suddenly knows far fewer appointments': [
    'logged',
    /too many appointments are missing from the directory \(gone: 30; plans: 30\)/,
    /^Check that the directory returns all appointments.*force: true/,
  ],
  'a path without a database': ['tables_missing', /There is no database at .*rows\.sqlite/, migrate],
  'a database that nobody migrated': ['tables_missing', /The tables are missing/, migrate],
  'tables of an older version': ['tables_missing', /The tables are at migration 6, and .* needs migration/, migrate],
  'tables too new for this version': [
    'library_outdated',
    /A newer version of this library migrated the database/,
    /^Install a version of the library/,
  ],
  'a file that is no database': ['storage_failing', /rows\.sqlite.*SQLITE_NOTADB.*look at the path/, checkDatabase],
  'a folder that is not there': ['storage_failing', /missing\/rows\.sqlite.*The folder has to be there/, checkDatabase],
  'a file that this process may only read': ['storage_failing', /may (?:only read|not write)/, checkDatabase],
  'a file that is deleted while it is open': ['storage_failing', /was deleted or replaced/, checkDatabase],
  'PostgreSQL that cannot be reached': [
    'storage_failing',
    /Postgres could not be reached.*ECONNREFUSED/,
    checkDatabase,
  ],
  'a PostgreSQL database that does not exist': ['storage_failing', /database "nowhere" does not exist/, checkDatabase],
  'a process that was not started, while work is due': [
    'not_started',
    /work is due and no process sends it.*The oldest has waited for 6 min/,
    /^Call start\(\) in one process, and keep it running\.$/,
  ],
  'TaskManager that cannot be reached': [
    'task_manager_failing',
    /connection refused \(ECONNREFUSED\)/,
    /^Check that TaskManager runs, that the network lets this process reach it, and TASK_MANAGER_URL\.$/,
  ],
  'TaskManager that refuses the token': ['task_manager_failing', /it answered 401/, /TASK_MANAGER_TOKEN/],
  'something else at the URL of TaskManager': ['task_manager_failing', /it answered 404/, /check TASK_MANAGER_URL/],
  'TaskManager that fails': ['task_manager_failing', /it answered 500/, /log of TaskManager/],
  'an engine that is away': [
    'scheduler_failing',
    /pg-boss: .*ECONNREFUSED/,
    /^Check that the engine of the scheduler runs/,
  ],
  'a store of rate limits that is away': [
    'logged',
    /rate limit store failed.*ECONNREFUSED/,
    /store of the option "rateLimits"/,
  ],
  'an "authenticate" that throws': ['logged', /authenticate failed.*TypeError/, correctAuthenticate],
  'an "authenticate" that returns no caller': ['logged', /role must be "admin" or "viewer"/, correctAuthenticate],
  'a logger that throws': ['logged', /the option "logger" failed/, /^Correct the option "logger"/],
  'a listener that throws': ['logged', /event listener failed.*reminder\.scheduled/, /^Correct this listener/],
}
