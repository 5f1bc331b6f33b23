import type { EntityId, RecipientRef } from '../../schemas/common.ts'

/** Whom and what an erasure is about. */
export type Erased = {
  readonly recipient: RecipientRef
  readonly appointments: ReadonlySet<EntityId>
  readonly addresses: ReadonlySet<string>
}

/** What an answer says of a person or in a text to them, by its names on the wire. */
const personal: ReadonlySet<string> = new Set([
  'subject',
  'message',
  'text',
  'recipient_email',
  'recipient_phone',
  'recipient_address',
  'email_address',
  'phone_number',
  'address',
  'error_message',
  'detail',
  'consent',
  'channels',
])

const idNames = { PATIENT: 'patient_id', CLIENT: 'client_id', PRACTITIONER: 'practitioner_id' } as const

/**
 * An answer that is kept for a repeated request, without what it says of the person; null: it says nothing of them. Ids, states and
 * times stay, so that the repeated request is still answered, and not carried out again.
 */
export function answerWithout(answer: string, erased: Erased): string | null {
  const { recipient, appointments, addresses } = erased
  let isChanged = false
  const isSame = (value: unknown, id: EntityId) => value !== undefined && value !== null && String(value) === String(id)
  const isAbout = (one: object): boolean => {
    const of = (name: string): unknown => Reflect.get(one, name)
    if (of('recipient_type') === recipient.type && isSame(of('recipient_id'), recipient.id)) return true
    if (isSame(of(idNames[recipient.type]), recipient.id)) return true
    const appointment = of('appointment_id')
    return recipient.type !== 'PRACTITIONER' && [...appointments].some((id) => isSame(appointment, id))
  }
  const blank = (value: unknown): unknown => {
    if (value === null || value === '' || typeof value === 'number' || typeof value === 'boolean') return value
    isChanged = true
    return typeof value === 'string' ? '' : null
  }
  const cleaned = (value: unknown, about: boolean): unknown => {
    if (typeof value === 'string') {
      if (!addresses.has(value)) return value
      isChanged = true
      return ''
    }
    if (Array.isArray(value)) return value.map((one) => cleaned(one, about))
    if (typeof value !== 'object' || value === null) return value
    const isMeant = about || isAbout(value)
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        name,
        isMeant && personal.has(name) ? blank(inner) : cleaned(inner, isMeant),
      ]),
    )
  }
  const left = cleaned(JSON.parse(answer), false)
  return isChanged ? JSON.stringify(left) : null
}
