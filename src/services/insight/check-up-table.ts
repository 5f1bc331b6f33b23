import type { Channel } from '../../channels/index.ts'

export const checkUpSeverities = ['error', 'warning', 'notice'] as const

/** All findings by code, each with its severity and what to do about it. */
export const checkUpTable = {
  tables_missing: ['error', 'Run migrate(), or "npx appointment-notifications migrate", and start the process again.'],
  library_outdated: ['error', 'Install a version of the library that is at least as new as the tables.'],
  storage_failing: ['error', 'Check that the database runs, and that this process may reach, read and write it.'],
  clocks_apart: ['warning', "Let the system set this machine's clock (NTP)."],
  not_started: ['error', 'Call start() in one process, and keep it running.'],
  none_started: ['warning', 'Call start() in one process, and keep it running.'],
  messages_late: ['error', 'Read the other findings; if there are none, the log of the process that sends.'],
  scheduler_failing: [
    'warning',
    'Check that the engine of the scheduler runs; until then a timer and a sweep do its work.',
  ],
  directory_failing: [
    'error',
    'Correct this method of your directory; the messages that need it wait. The log line "directory method failed" has the place in your code.',
  ],
  directory_unasked: ['notice', 'Report a booking, or give your directory upcoming(); then look again.'],
  directory_slow: ['warning', 'Make these methods faster; a call that takes too long fails, and its messages wait.'],
  directory_rows: ['error', 'Correct these rows, or how your directory returns them; messages about them wait.'],
  directory_fields: ['warning', 'Correct the field, or how your directory returns it; the rest of the row is used.'],
  channel_unprovided: [
    'error',
    'Set what is missing; if the channel is not used, remove its transport and variables. Then restart.',
  ],
  provider_failing: ['error', 'Correct the DEFAULT_* variables of this channel, and restart.'],
  account_paused: [
    'error',
    'Correct the account, or what its provider asks for; messages wait until then, and go out by themselves.',
  ],
  account_unusable: ['error', "Correct the organization's settings of this channel."],
  held_after_restore: [
    'warning',
    'List them with held(); then send them with releaseHeld(), or drop them with cancelHeld().',
  ],
  hook_failing: ['error', 'Correct this hook; it is called again until it resolves.'],
  task_manager_failing: [
    'error',
    'Check that TaskManager runs, that the network lets this process reach it, and TASK_MANAGER_URL.',
  ],
  public_url_missing: ['warning', 'Set the option "publicUrl", and enter the webhook at the provider.'],
  public_url_unreachable: [
    'warning',
    'Mount the router at the path of "publicUrl", and check its DNS, certificate and proxy; from within some networks it cannot be reached.',
  ],
  keys_unreadable: [
    'error',
    'Give the key that they were sealed with too (option "encryptionKey"), or save these credentials again.',
  ],
  webhook_refused: [
    'warning',
    "Check that the provider signs with this account's secret, and that proxies pass the URL and the body unchanged.",
  ],
  zone_data_old: ['warning', 'Update Node.js: its time zone data is older than that of this machine.'],
  language_unread: [
    'notice',
    'Let a native speaker read the texts, and give the file to createNotifications() with "readBy" (option "languages").',
  ],
  logged: ['warning', 'Do what the line says.'],
  spf_missing: ['warning', 'Publish an SPF record (TXT, "v=spf1 ...") for the domain that names your mail server.'],
  dmarc_missing: ['warning', 'Publish a DMARC record: TXT of _dmarc.<domain>, "v=DMARC1; p=none" to begin with.'],
  dkim_missing: [
    'warning',
    'Publish the key that your mail provider gives you at <selector>._domainkey.<domain>, or name the selector that signs.',
  ],
  dkim_unchecked: [
    'notice',
    'Name the selectors that your mail provider signs with: "doctor --mail-domains --dkim-selector NAME", or mailDomains: { dkimSelectors }.',
  ],
  domains_unchecked: ['notice', 'Ask for single organizations.'],
  domain_unknown: ['error', 'Correct the address of the sender: its domain does not exist.'],
  dns_failing: ['warning', 'Check that this machine can ask its name servers.'],
} as const satisfies Record<string, readonly [(typeof checkUpSeverities)[number], string]>

/** Code of a finding. */
export type CheckUpCode = keyof typeof checkUpTable

/** Something that is wrong, in words for whoever operates the system. Contains no contact data and no credentials. */
export type CheckUpFinding = {
  readonly code: CheckUpCode
  /** `error`: messages are not sent because of it. `warning`: something is lost, or will be. `notice`: worth knowing. */
  readonly severity: (typeof checkUpSeverities)[number]
  /** The organization concerned; null: all. */
  readonly organizationId: string | null
  readonly channel: Channel | null
  /** What is wrong, and where. */
  readonly cause: string
  /** What to do about it. */
  readonly remedy: string
}

/** What is true of a finding beside its code. */
export type Found = Pick<CheckUpFinding, 'cause'> &
  Partial<Pick<CheckUpFinding, 'organizationId' | 'channel' | 'remedy'>>
export type Finding = readonly [CheckUpCode, Found]
