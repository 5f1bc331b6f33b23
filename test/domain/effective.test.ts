import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { channels } from '../../src/channels/index.ts'
import { type EffectiveInput, effective } from '../../src/domain/effective.ts'
import { loadNumberingPlans } from '../../src/schemas/phone-number.ts'
import { categories } from '../../src/schemas/vocabulary.ts'
import { noPreferences, patient, policy, practitioner } from './support.ts'

await loadNumberingPlans()

const optedOut = { cause: 'stop', since: new Date('2031-03-10T12:00:00Z'), code: 'twilio_21610' } as const

const ask = (changes: Partial<EffectiveInput> = {}) =>
  effective({
    policy,
    preferences: null,
    recipient: patient,
    category: 'REMINDER',
    channel: 'EMAIL',
    locale: 'en-US',
    providerFault: null,
    suppression: () => null,
    ...changes,
  })

describe('effective preferences', () => {
  it('are the documented defaults where nobody said anything', () => {
    expect(ask()).toEqual({
      allowed: true,
      contact: null,
      rule: 'allowed',
      reasons: [],
      address: 'one@example.org',
      addressNote: null,
      suppression: null,
      offsets: [24, 2],
    })
  })

  it.each([
    [
      'the organization disables the channel',
      { policy: { ...policy, emailEnabled: false } },
      'channel_disabled_by_organization',
    ],
    [
      'the recipient disables the channel',
      { preferences: { ...noPreferences, emailEnabled: false } },
      'channel_disabled_by_recipient',
    ],
    [
      'the recipient switched the kind off',
      { preferences: { ...noPreferences, appointmentReminder: false } },
      'category_disabled_by_recipient',
    ],
    ['there is no address', { recipient: { ...patient, email: ' ' } }, 'no_contact'],
    ['the address is not one', { recipient: { ...patient, email: 'at home' } }, 'invalid_contact'],
    ['the address opted out', { suppression: () => optedOut }, 'suppressed'],
    ['no provider is configured', { providerFault: 'no_account' }, 'no_account'],
    [
      'practitioners get what is switched on for them',
      { recipient: practitioner },
      'not_switched_on_for_practitioners',
    ],
  ] as const)('refuse with a reason: %s', (_case, changes, rule) => {
    expect(ask(changes)).toMatchObject({ allowed: false, rule, reasons: [rule] })
  })

  it('an organization that switched a channel off cannot be overruled by a recipient', () => {
    const off = { policy: { ...policy, smsEnabled: false }, channel: 'SMS' } as const
    expect(ask({ ...off, preferences: { ...noPreferences, smsEnabled: true } }).allowed).toBe(false)
  })

  it("the recipient's offsets replace the organization's; an empty list means none; null inherits", () => {
    expect(ask({ preferences: { ...noPreferences, emailReminders: ['1d'] } }).offsets).toEqual(['1d'])
    expect(ask({ preferences: { ...noPreferences, emailReminders: [] } }).offsets).toEqual([])
    expect(ask({ preferences: noPreferences }).offsets).toEqual([24, 2])
  })

  it("the recipient's own address replaces the host's; separators in phone numbers are noise", () => {
    expect(ask({ preferences: { ...noPreferences, emailAddress: 'own@example.org' } }).address).toBe('own@example.org')
    const spoken = { ...patient, phone: '+1 (415) 555-0123' }
    expect(ask({ channel: 'SMS', recipient: spoken }).address).toBe('+14155550123')
    expect(ask({ channel: 'SMS', recipient: { ...patient, phone: '415 555 0123' } }).rule).toBe('invalid_contact')
  })

  it('suppression compares mailboxes without case', () => {
    const recipient = { ...patient, email: 'One@Example.org' }
    expect(
      ask({ recipient, suppression: (_channel, address) => (address === 'one@example.org' ? optedOut : null) }),
    ).toMatchObject({
      rule: 'suppressed',
      suppression: optedOut,
    })
  })

  it('property: allowed exactly when no rule stands against it, and then there is an address', () => {
    const maybe = fc.constantFrom(true, false, null)
    fc.assert(
      fc.property(
        fc.constantFrom(...categories),
        fc.constantFrom(...channels),
        maybe,
        maybe,
        fc.boolean(),
        fc.constantFrom('a@example.org', '', null, 'no'),
        (category, channel, emailEnabled, smsEnabled, suppressed, contact) => {
          const decided = ask({
            category,
            channel,
            preferences: { ...noPreferences, emailEnabled, smsEnabled },
            recipient: { ...patient, email: contact, phone: contact },
            suppression: () => (suppressed ? optedOut : null),
          })
          expect(decided.allowed).toBe(decided.reasons.length === 0)
          expect(decided.rule).toBe(decided.reasons[0] ?? 'allowed')
          if (decided.allowed) expect(decided.address).not.toBeNull()
          const wish = channel === 'EMAIL' ? emailEnabled : smsEnabled
          if (wish === false || (suppressed && decided.address !== null)) expect(decided.allowed).toBe(false)
        },
      ),
    )
  })
})
