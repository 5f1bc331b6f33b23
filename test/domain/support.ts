import type { Channel } from '../../src/channels/index.ts'
import type { Appointment } from '../../src/domain/appointment.ts'
import type { OrganizationPolicy } from '../../src/domain/effective.ts'
import { parseStart } from '../../src/domain/local-time.ts'
import type { Surroundings } from '../../src/domain/plan.ts'
import type { Person } from '../../src/schemas/directory.ts'
import { showing } from '../../src/schemas/fields.ts'
import { emptyPreferences, type PreferencesValues } from '../../src/schemas/preferences.ts'
import type { Rule } from '../../src/schemas/rules.ts'
import { emptySettings, settingsFields } from '../../src/schemas/settings.ts'

export const policy: OrganizationPolicy = {
  ...showing(settingsFields)(emptySettings),
  defaultSmsReminders: [24],
}

export const noPreferences = emptyPreferences

export const patient: Person = { type: 'PATIENT', id: 1, email: 'one@example.org', phone: '+14155550101' }
export const practitioner: Person = { type: 'PRACTITIONER', id: 9, email: 'dr@example.org' }

export const appointment = (changes: Partial<Appointment> = {}): Appointment => ({
  id: 1,
  organizationId: 'org',
  start: parseStart('2026-03-20T15:00:00Z', 'Europe/Berlin'),
  bookedAt: null,
  durationMinutes: 30,
  status: 'scheduled',
  practitionerName: null,
  location: null,
  visitMode: null,
  videoLink: null,
  kind: null,
  recipients: [patient],
  hasUnreadablePeople: false,
  ...changes,
})

const optedOut = { cause: 'stop', since: new Date('2031-03-10T12:00:00Z'), code: 'twilio_21610' } as const

export const surroundings = (
  changes: Partial<OrganizationPolicy> = {},
  preferences: PreferencesValues | null = null,
  faults: { readonly provider?: Rule; readonly suppressed?: Channel } = {},
): Surroundings => ({
  policy: { ...policy, ...changes },
  locale: 'en-US',
  preferencesOf: () => preferences,
  suppression: (channel) => (channel === faults.suppressed ? optedOut : null),
  providerFault: () => faults.provider ?? null,
})
