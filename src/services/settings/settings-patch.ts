import { type Channel, channelOf, channels } from '../../channels/index.ts'
import { NotificationError } from '../../errors.ts'
import type { OwnSettings, ReplacedCredentials, SettingsRow } from '../../ports/storage.ts'
import type { Actor } from '../../schemas/audit.ts'
import { accountPlaces, fieldOf, type Place, valueAt, withValueAt } from '../../schemas/channel-settings.ts'
import { fieldInvalid, organizationId, parseField, parseInput, type Warning } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { namesWith, secretMask } from '../../schemas/fields.ts'
import {
  type OrganizationSettingsInput,
  organizationSettingsInput,
  type SettingsValues,
  secretFields,
  settingsFields,
  type TemplatesInput,
} from '../../schemas/settings.ts'
import { secretContext } from '../shared/accounts/account-secrets.ts'
import { calendarFault } from '../shared/accounts/sending-report.ts'
import type { Context } from '../shared/context.ts'
import { settingsNotFound } from '../shared/not-found.ts'
import { offeredFor } from '../shared/settings-view.ts'

const replanning = namesWith(settingsFields, 'replans')

export type SettingsPatch = {
  readonly patch: Partial<SettingsValues & OwnSettings>
  /** What becomes of the credentials that it replaces. */
  readonly credentials?: ReplacedCredentials
  /** The change may change which reminders exist. */
  readonly replans: boolean
  /** The version of the templates that is published by it, if it is there already. */
  readonly publishes?: number
}

/**
 * What a caller wrote, checked, with secrets sealed; not yet the lists of accounts and the templates, which depend on what is stored.
 * @throws NotificationError `invalid_input`, `unknown_provider`, `encryption_key_missing`.
 */
export function readSettingsPatch(context: Context, id: string, input: OrganizationSettingsInput): SettingsPatch {
  parseField(organizationId, id, 'organizationId')
  const parsed = parseInput(organizationSettingsInput, input, 'organization settings')
  let patch: Partial<SettingsValues> = definedOnly(parsed)
  requireLanguages(context, parsed.textLanguages ?? [])
  for (const field of secretFields) patch = withSealed(context, id, patch, [field])
  for (const channel of channels) {
    requireTransport(context, parsed, channel, null)
    for (const { rules, place } of accountPlaces(channel)) {
      if (rules.isSecret && place.length > 1) patch = withSealed(context, id, patch, place)
    }
  }
  const isHandedOver = replansTexts(context) && Object.keys(patch).length > 0
  return { patch, replans: isHandedOver || replanning.some((field) => field in patch) }
}

/** What TaskManager has already is compared with every change, of texts too. */
export const replansTexts = ({ options }: Context): boolean => options.taskManager?.mode === 'deliver'

/** Templates by key: those that are given replace what is stored, and null removes all of a channel. */
export function mergedTemplates(before: SettingsValues, given: TemplatesInput): TemplatesInput {
  const { emailTemplates, smsTemplates, templatePartials } = given
  return {
    emailTemplates: emailTemplates && { ...before.emailTemplates, ...emailTemplates },
    smsTemplates: smsTemplates && { ...before.smsTemplates, ...smsTemplates },
    templatePartials: templatePartials && { ...before.templatePartials, ...templatePartials },
  }
}

/** A secret that is given is sealed; the mask of one changes nothing. */
function withSealed(context: Context, id: string, patch: Partial<SettingsValues>, place: Place) {
  const secret = valueAt(patch, place)
  if (typeof secret !== 'string') return patch
  if (secret === secretMask) return withValueAt(patch, place, undefined)
  return withValueAt(patch, place, sealedAt(context, id, patch, place, secret))
}

/** @throws NotificationError `encryption_key_missing`. */
export function sealedAt({ secrets }: Context, id: string, values: object, place: Place, secret: string): string {
  if (secrets !== null) return secrets.seal(secret, secretContext(id, place))
  const field = fieldOf(values, place)
  throw new NotificationError(
    'encryption_key_missing',
    `"${field}" cannot be stored without an encryption key: set NOTIFICATIONS_ENCRYPTION_KEY or the option "encryptionKey" (openssl rand -base64 32).`,
    { field },
  )
}

/** What is said of the settings each time they are saved, for as long as it is so. */
export const standingWarnings = (context: Context, after: SettingsRow): Warning[] => [
  ...undecidedQuietHours(after),
  ...unsentCalendarFiles(context, after),
]

/** Nobody has decided yet when nothing is sent: what is offered, and how to say that messages may go out at any time. */
function undecidedQuietHours(after: SettingsRow): Warning[] {
  const offered = offeredFor(after)
  if (after.quietHours !== null || offered.length === 0) return []
  const value = JSON.stringify(offered)
  const message = `no quiet hours are set, so that messages may go out at night; set them, such as to ${value}, or to [] for none`
  return [{ field: 'quietHours', code: 'quiet_hours_unset', message }]
}

/** Calendar files are switched on, and no mail has one. */
export function unsentCalendarFiles(context: Context, { calendarFiles }: SettingsRow): Warning[] {
  const fault = calendarFiles === true ? calendarFault(context) : null
  if (fault === null) return []
  return [{ field: 'calendarFiles', code: 'calendar_files_unsent', message: `no mail has a calendar file: ${fault}` }]
}

/** @throws NotificationError `invalid_input` naming the first language that nobody has texts of. */
function requireLanguages({ languages }: Context, asked: readonly string[]): void {
  const index = asked.findIndex((tag) => languages.lookUp(tag) === null)
  if (index < 0) return
  throw fieldInvalid(
    `textLanguages[${index}]`,
    `must be a language that there are texts of: ${languages.known.join(', ')}; add others by the option "languages"`,
  )
}

/** @throws NotificationError `unknown_provider`. */
export function requireTransport({ providers }: Context, input: object, channel: Channel, entry: string | null): void {
  const { words, account } = channelOf(channel)
  const { transport } = account
  const chosen = accountPlaces(channel, entry).find(({ name }) => 'field' in transport && name === transport.field)
  const name = chosen === undefined ? null : valueAt(input, chosen.place)
  if (chosen === undefined || typeof name !== 'string') return
  const installed = providers.transports.filter((transport) => transport.channels.includes(channel))
  if (installed.some((transport) => transport.name.toLowerCase() === name.toLowerCase())) return
  const names = installed.map((transport) => transport.name).join(', ') || 'none'
  const field = fieldOf(input, chosen.place)
  throw new NotificationError(
    'unknown_provider',
    `${field} must be the name of an installed ${words.name} transport (installed: ${names}); add it to the option "transports".`,
    { field },
  )
}

/**
 * Every round that is lost is one that another caller won: so many may save the settings of one organization at once.
 */
export const changeAttempts = 10

/** Changes the row as it is read here, and no other: what another process wrote meanwhile is read and checked anew. */
export async function changeSettings(
  context: Context,
  actor: Actor,
  id: string,
  changeOf: (before: SettingsRow) => SettingsPatch | Promise<SettingsPatch>,
): Promise<SettingsRow> {
  const { storage, clock } = context.options
  parseField(organizationId, id, 'organizationId')
  for (let attempt = 0; attempt < changeAttempts; attempt += 1) {
    const before = await settingsRow(context, id)
    const { patch, replans, credentials, publishes } = await changeOf(before)
    const replan = replans ? { organizationId: id, recipient: null } : null
    const row = await storage.settings.update(id, patch, replan, clock.now(), actor, before.revision, {
      credentials,
      publishes,
    })
    if (row === null) continue
    if (replan !== null) context.replanQueued()
    context.review.changed()
    context.accounts.changed()
    return row
  }
  throw changedMeanwhile(id)
}

export const changedMeanwhile = (id: string): NotificationError =>
  new NotificationError(
    'conflict',
    `The settings of organization ${id} were changed at the same time by other requests, ${changeAttempts} times in a row. Read them and try again.`,
    { field: 'organizationId' },
  )

/** @throws NotificationError `settings_not_found`. */
export async function settingsRow(context: Context, id: string): Promise<SettingsRow> {
  const [row] = await context.options.storage.settings.get([id])
  if (row === undefined) throw settingsNotFound(id)
  return row
}
