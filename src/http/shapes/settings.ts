import { z } from 'zod'
import { channels } from '../../channels/index.ts'
import { maskAddress } from '../../schemas/address.ts'
import { preferencePlace, valueAt, withValueAt } from '../../schemas/channel-settings.ts'
import type { EntityId } from '../../schemas/common.ts'
import { toSnake } from '../../schemas/fields.ts'
import { type Preferences, preferencesInput } from '../../schemas/preferences.ts'
import { organizationSettingsInput, templatesInput } from '../../schemas/settings.ts'
import { accountCheckStatuses } from '../../services/settings/account-checks.ts'
import { testMessageResults } from '../../services/settings/test-message.ts'
import { type Caller, isMasked } from '../access.ts'
import { wireName } from '../snake-case.ts'
import { accountSource, common, warningShape } from './common.ts'

const warnings = z
  .array(warningShape)
  .optional()
  .describe('After a write: what was accepted and deserves a second look')

/** Fields that a GET returns and a PUT may send back unchanged. */
export const readOnlyFields = {
  id: z.int().optional().describe('Ignored'),
  organizationId: z.string().optional().describe('Cannot be changed'),
  createdAt: z.date().optional().describe('Ignored'),
  updatedAt: z.date().optional().describe('Ignored'),
}

/** The documented columns of `notification_settings`; secrets are `********` or null. */
export const settingsShape = organizationSettingsInput.required().extend({
  id: z.int().describe('Id of the settings'),
  organizationId: common.organizationId,
  createdAt: common.createdAt,
  updatedAt: common.updatedAt,
  warnings,
})

/** What a check of an account and a test message have in common. */
const accountResult = {
  channel: common.channel,
  accountId: common.accountId,
  code: z
    .string()
    .nullable()
    .describe('Why it does not work, such as `smtp_535`; stable, for programs. Null if it does'),
  message: z.string().describe('The result in words, without credentials and addresses'),
  fields: z.array(z.string()).describe('The settings to look at or to write; empty if nothing is wrong'),
}

export const accountChecksShape = z.object({
  organizationId: common.organizationId,
  channels: z
    .array(
      z.object({
        ...accountResult,
        provider: z.string().nullable().describe('Name of the transport that would send; null if there is none'),
        source: accountSource,
        status: z
          .enum(accountCheckStatuses)
          .describe(
            '`ok`: the provider accepted the account. `failing`: it cannot be used. `unchecked`: the organization has no account of its own to check',
          ),
      }),
    )
    .describe('The result for each account of each channel, in the order of use'),
})

export const testMessageShape = z.object({
  organizationId: common.organizationId,
  ...accountResult,
  provider: z.string().nullable().describe('Name of the transport that sent it; null if there is none'),
  source: accountSource,
  result: z
    .enum(testMessageResults)
    .describe('`sent`: the provider accepted it. `failed`: it was not sent. `unknown`: it may arrive'),
})

/** The settings in wire names. */
export const showAccountResult = <Result extends { readonly fields: readonly string[] }>(result: Result) => ({
  ...result,
  fields: result.fields.map(toSnake),
})

export const templatesShape = templatesInput.required().extend({
  version: z
    .int()
    .nullable()
    .describe('The version that is published; null: the templates were stored before there were versions'),
  warnings,
})

const preferencesShapeOf = (idName: 'patient_id' | 'client_id') =>
  preferencesInput.required().extend({
    id: z.int().describe('Id of the preferences'),
    organizationId: common.organizationId,
    recipientId: wireName(idName, common.recipientId),
    createdAt: common.createdAt,
    updatedAt: common.updatedAt,
    warnings,
    inFlight: z.int().optional().describe('After a PUT: number of messages that were being sent at that moment'),
  })

/** The documented columns of the preference tables; null inherits. */
export const preferencesShapes = { patient: preferencesShapeOf('patient_id'), client: preferencesShapeOf('client_id') }

/** Preferences as the caller may see them. */
export function showPreferenceRow<Row extends Preferences>(caller: Caller | null, { recipient, ...row }: Row) {
  const recipientId: EntityId = recipient.id
  return { ...(isMasked(caller) ? withMasks(row) : row), recipientId }
}

const withMasks = <Row extends object>(row: Row): Row =>
  channels.reduce((shown, channel) => {
    const place = preferencePlace(channel, 'address')
    const address = valueAt(shown, place)
    return typeof address === 'string' ? withValueAt(shown, place, maskAddress(address)) : shown
  }, row)
