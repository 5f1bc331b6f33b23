import { z } from 'zod'
import { type EntityId, entityId } from '../../schemas/common.ts'
import { type Preferences, preferencesInput } from '../../schemas/preferences.ts'
import { organizationSettingsInput, templatesInput } from '../../schemas/settings.ts'
import { wireName } from '../snake-case.ts'
import { warningShape } from './common.ts'

const warnings = z.array(warningShape).optional()

/** Fields that a GET shows and a PUT may echo; what they say cannot be changed. */
export const readOnlyFields = {
  id: z.int().optional(),
  organizationId: z.string().optional(),
  createdAt: z.date().optional(),
  updatedAt: z.date().optional(),
}

/** The documented columns of `notification_settings`; secrets are `********` or null. */
export const settingsShape = organizationSettingsInput.required().extend({
  id: z.int(),
  organizationId: z.string(),
  createdAt: z.date(),
  updatedAt: z.date(),
  /** After a write: what was accepted and deserves a look. */
  warnings,
})

export const templatesShape = templatesInput.required().extend({ warnings })

const preferencesShapeOf = (idName: 'patient_id' | 'client_id') =>
  preferencesInput.required().extend({
    id: z.int(),
    organizationId: z.string(),
    recipientId: wireName(idName, entityId),
    createdAt: z.date(),
    updatedAt: z.date(),
    warnings,
    inFlight: z.int().optional().describe('After a PUT: messages that were being sent at that moment'),
  })

/** The documented columns of the preference tables; null inherits. */
export const preferencesShapes = { patient: preferencesShapeOf('patient_id'), client: preferencesShapeOf('client_id') }

export const showPreferenceRow = <Row extends Preferences>({ recipient, ...row }: Row) => {
  const recipientId: EntityId = recipient.id
  return { ...row, recipientId }
}
