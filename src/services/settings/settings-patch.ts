import { NotificationError } from '../../errors.ts'
import { checkTemplates } from '../../messages/index.ts'
import { organizationId, parseField, parseInput, type Warning } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { namesWith, secretMask } from '../../schemas/fields.ts'
import {
  type OrganizationSettingsInput,
  organizationSettingsInput,
  type SecretField,
  type SettingsValues,
  secretFields,
  settingsFields,
  templateField,
} from '../../schemas/settings.ts'
import { secretContext } from '../shared/accounts/providers.ts'
import type { Context } from '../shared/context.ts'

const replanning = namesWith(settingsFields, 'replans')

export type SettingsPatch = {
  readonly patch: Partial<SettingsValues>
  readonly warnings: readonly Warning[]
  /** The change may change which reminders exist. */
  readonly replans: boolean
}

/**
 * What a caller wrote, checked, with secrets sealed.
 * @throws NotificationError `invalid_input`, `template_invalid`, `unknown_provider`, `encryption_key_missing`.
 */
export function readSettingsPatch(context: Context, id: string, input: OrganizationSettingsInput): SettingsPatch {
  parseField(organizationId, id, 'organizationId')
  const parsed = parseInput(organizationSettingsInput, input, 'organization settings')
  const warnings = Object.values(templateField).flatMap((field) => checkTemplates(field, parsed[field] ?? {}))
  requireTransport(context, parsed.smsProvider)
  const patch: { -readonly [Field in keyof SettingsValues]?: SettingsValues[Field] } = definedOnly(parsed)
  for (const field of secretFields) {
    const secret = parsed[field]
    if (secret === secretMask) delete patch[field]
    else if (typeof secret === 'string') patch[field] = seal(context, id, field, secret)
  }
  // What TaskManager has already is compared with every change, of texts too.
  const isHandedOver = context.options.taskManager?.mode === 'deliver' && Object.keys(patch).length > 0
  return { patch, warnings, replans: isHandedOver || replanning.some((field) => field in patch) }
}

function seal({ secrets }: Context, id: string, field: SecretField, secret: string): string {
  if (secrets !== null) return secrets.seal(secret, secretContext(id, field))
  throw new NotificationError(
    'encryption_key_missing',
    `"${field}" cannot be stored without an encryption key: set NOTIFICATIONS_ENCRYPTION_KEY or the option "encryptionKey" (openssl rand -base64 32).`,
    { field },
  )
}

function requireTransport({ providers }: Context, name: string | null | undefined): void {
  if (name === null || name === undefined) return
  const installed = providers.transports.filter((transport) => transport.channels.includes('SMS'))
  if (installed.some((transport) => transport.name.toLowerCase() === name.toLowerCase())) return
  const names = installed.map((transport) => transport.name).join(', ') || 'none'
  throw new NotificationError(
    'unknown_provider',
    `smsProvider must be the name of an installed SMS transport (installed: ${names}); add it to the option "transports".`,
    { field: 'smsProvider' },
  )
}
