/** What hosts call the fields of a directory's rows, in lower case without separators. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  id: ['uuid', 'appointmentid', 'recipientid', 'patientid', 'clientid', 'practitionerid', 'entryid', 'waitlistentryid'],
  organizationId: ['organization', 'organisationid', 'orgid', 'tenantid', 'clinicid', 'practiceid', 'accountid'],
  startsAt: ['start', 'startat', 'starttime', 'startdate', 'startdatetime', 'starts', 'begin', 'beginsat', 'datetime'],
  timeZone: ['tz', 'zone', 'tzid', 'ianatimezone'],
  status: ['state', 'appointmentstatus', 'appointmentstate', 'bookingstatus', 'bookingstate', 'visitstatus'],
  bookedAt: ['booked', 'bookedon', 'bookingdate', 'bookingtime', 'bookingcreatedat'],
  durationMinutes: ['duration', 'minutes', 'length', 'durationmins', 'durationmin', 'lengthminutes'],
  practitionerName: ['practitioner', 'doctor', 'doctorname', 'provider', 'providername', 'clinician', 'therapist'],
  location: ['address', 'place', 'room', 'venue', 'site', 'where'],
  visitMode: ['modality', 'visitmodality', 'appointmentmode'],
  videoLink: ['videourl', 'meetinglink', 'meetingurl', 'joinurl', 'joinlink'],
  recipients: ['patients', 'clients', 'participants', 'attendees', 'people', 'persons'],
  expiresAt: ['expires', 'expiry', 'expiration', 'validuntil', 'until'],
  type: ['recipienttype', 'role', 'kind'],
  name: ['fullname', 'displayname', 'organizationname', 'patientname', 'clientname'],
  email: ['mail', 'emailaddress', 'mailaddress', 'contactemail'],
  phone: [
    'phonenumber',
    'mobile',
    'mobilephone',
    'mobilenumber',
    'cell',
    'cellphone',
    'tel',
    'telephone',
    'sms',
    'msisdn',
  ],
  locale: ['language', 'lang', 'languagecode', 'preferredlanguage', 'languagetag'],
}

/** Words by which hosts say that something is off, beside a status. */
const offWords =
  /^(?:(?:is|was)?(?:cancell?ed|deleted|voided|removed)(?:at|on|by|date|time|reason)?|cancel(?:l?ation)?(?:reason|date|at|by))$/
/** A status in other words: `statusCode`, `currentStatus`, `booking_state_name`; a bare state may be a part of a country. */
const statusWords =
  /^(?:(?:appointment|booking|visit|event|current)?status|(?:appointment|booking|visit|event)state)(?:code|name|text|value|label|key|type)?$/
const onWords = /^(?:is)?active$/

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')

/** The field that is probably meant by a name that is not known; null: none. Of `known`, only those that are `missing`. */
export function meantBy(name: string, missing: readonly string[]): string | null {
  const told = plain(name)
  const same = missing.find((field) => plain(field) === told || synonyms[field]?.includes(told))
  if (same !== undefined) return same
  return missing.find((field) => isMisspelled(told, plain(field))) ?? null
}

/**
 * Whether a field says that an appointment is off, or may do so, where it has no `status`: a wrong name must not pass for
 * `scheduled`. A state of two or three capitals is a part of a country.
 */
export function maySayStatus(name: string, value: unknown): boolean {
  if (onWords.test(plain(name))) return value === false || value === 0
  if (value === undefined || value === null || value === '' || value === false || value === 0) return false
  if (offWords.test(plain(name)) || statusWords.test(plain(name))) return true
  return meantBy(name, ['status']) !== null && !(typeof value === 'string' && /^[A-Z]{2,3}$/.test(value))
}

/** One slip in a short word, two in a longer one. */
function isMisspelled(told: string, field: string): boolean {
  if (field.length < 4) return false
  return distance(told, field) <= (field.length < 6 ? 1 : 2)
}

/** Letters to be put in, left out, replaced, or swapped with the next one. */
function distance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > 2) return 3
  let beforeLast: readonly number[] = []
  let last: readonly number[] = Array.from({ length: other.length + 1 }, (_, column) => column)
  for (let row = 1; row <= one.length; row++) {
    const next = [row]
    for (let column = 1; column <= other.length; column++) {
      const cost = one[row - 1] === other[column - 1] ? 0 : 1
      let least = Math.min((last[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + cost)
      if (one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]) {
        least = Math.min(least, (beforeLast[column - 2] ?? 3) + 1)
      }
      next.push(least)
    }
    beforeLast = last
    last = next
  }
  return last.at(-1) ?? 0
}
