import { type FieldIssue, NotificationError } from '../../errors.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import { inputInvalid } from '../../schemas/common.ts'
import { type SecretField, type SettingsValues, secretFields, settingsFields } from '../../schemas/settings.ts'
import { secretContext } from '../shared/accounts/providers.ts'
import type { Context } from '../shared/context.ts'

type Patch = Partial<SettingsValues>
type Secrets = Pick<Context, 'secrets'>

/** By secret: the place that it was given for, if that is another one now. */
const moved: Readonly<Record<SecretField, (before: SettingsRow, patch: Patch, context: Secrets) => string | false>> = {
  emailPassword: (before, patch) => movesMail(before, patch) && 'SMTP host, port and username',
  smsApiKey: (before, patch) => movesSms(before, patch) && 'SMS provider',
  smsApiSecret: (before, patch, context) =>
    movesSms(before, patch) ? 'SMS provider' : changesSmsKey(context, before, patch) && 'SMS key',
}

/**
 * Secrets are tied to their server. Whoever names another server, account or provider must bring its
 * secrets along, or remove the stored ones: kept, they would be handed to whoever answers at the new place. Taking a
 * place away (null) hands nothing to anybody, and whoever names one again brings the secrets then.
 * @throws NotificationError `invalid_input` naming the secrets that are missing.
 */
export function requireNewSecrets(context: Secrets, before: SettingsRow, patch: Patch): void {
  const issues = secretFields.flatMap((field): FieldIssue[] => {
    const place = moved[field](before, patch, context)
    // A mask that came back is no longer in the patch; null is, and leaves nothing to hand over.
    if (place === false || before[field] === null || patch[field] !== undefined) return []
    const message = `is required again, because the stored secret belongs to another ${place}. Send it in the same request, or null to remove it`
    return [{ field, message }]
  })
  if (issues.length > 0) throw inputInvalid('organization settings', issues)
}

function movesMail(before: SettingsRow, patch: Patch): boolean {
  // Without a host there is no account; the one that comes later is another host.
  if (after(before, patch, 'emailSmtpHost') === null) return false
  const portOf = (port: number | null) => port ?? settingsFields.emailSmtpPort.default
  return (
    isMoved(before, patch, 'emailSmtpHost') ||
    isMoved(before, patch, 'emailUsername') ||
    portOf(after(before, patch, 'emailSmtpPort')) !== portOf(before.emailSmtpPort)
  )
}

/** Transports are found whatever the case of their names. */
const movesSms = (before: SettingsRow, { smsProvider = null }: Patch): boolean =>
  smsProvider !== null && smsProvider.toLowerCase() !== before.smsProvider?.toLowerCase()

/** The key says whose account it is; it is kept as a secret too, so that what is stored must be opened to compare. */
function changesSmsKey({ secrets }: Secrets, before: SettingsRow, { smsApiKey = null }: Patch): boolean {
  if (smsApiKey === null) return false
  const stored = before.smsApiKey
  if (stored === null || secrets === null) return true
  const place = secretContext(before.organizationId, 'smsApiKey')
  try {
    return secrets.open(stored, place) !== secrets.open(smsApiKey, place)
  } catch (error) {
    // What cannot be read any more cannot be shown to be the same.
    if (error instanceof NotificationError) return true
    throw error
  }
}

const after = <Field extends keyof SettingsValues>(before: SettingsRow, patch: Patch, field: Field) => {
  const written = patch[field]
  return written === undefined ? before[field] : written
}

function isMoved(before: SettingsRow, patch: Patch, field: 'emailSmtpHost' | 'emailUsername'): boolean {
  const written = patch[field] ?? null
  return written !== null && written !== before[field]
}
