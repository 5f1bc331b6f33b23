import { z } from 'zod'

/**
 * Abbreviations that the runtime takes for zones of its own choice (`BST` for Asia/Dhaka), with the zones that people may mean. None of
 * them is a name of the IANA database.
 */
const abbreviations: Readonly<Record<string, readonly string[]>> = {
  ACT: ['Australia/Darwin', 'Australia/Adelaide'],
  AET: ['Australia/Sydney', 'Australia/Brisbane'],
  AGT: ['America/Argentina/Buenos_Aires'],
  ART: ['America/Argentina/Buenos_Aires', 'Africa/Cairo'],
  AST: ['America/Halifax', 'America/Puerto_Rico', 'Asia/Riyadh'],
  BET: ['America/Sao_Paulo'],
  BST: ['Europe/London', 'Asia/Dhaka'],
  CAT: ['Africa/Maputo', 'Africa/Harare'],
  CNT: ['America/St_Johns'],
  CST: ['America/Chicago', 'America/Costa_Rica', 'Asia/Shanghai', 'America/Havana'],
  CTT: ['Asia/Shanghai'],
  EAT: ['Africa/Nairobi', 'Africa/Addis_Ababa'],
  ECT: ['America/Guayaquil', 'Europe/Paris'],
  IET: ['America/Indiana/Indianapolis'],
  IST: ['Asia/Kolkata', 'Europe/Dublin', 'Asia/Jerusalem'],
  JST: ['Asia/Tokyo'],
  MIT: ['Pacific/Apia'],
  NET: ['Asia/Yerevan'],
  NST: ['America/St_Johns', 'Pacific/Auckland'],
  PLT: ['Asia/Karachi'],
  PNT: ['America/Phoenix'],
  PRT: ['America/Puerto_Rico'],
  PST: ['America/Los_Angeles', 'Asia/Manila'],
  SST: ['Pacific/Pago_Pago', 'Asia/Singapore'],
  VST: ['Asia/Ho_Chi_Minh'],
  // Known to no runtime, and written all the same.
  CEST: ['Europe/Berlin', 'Europe/Paris'],
  CDT: ['America/Chicago', 'America/Havana'],
  EDT: ['America/New_York', 'America/Toronto'],
  EEST: ['Europe/Athens', 'Europe/Kyiv'],
  MDT: ['America/Denver', 'America/Edmonton'],
  NZST: ['Pacific/Auckland'],
  PDT: ['America/Los_Angeles', 'America/Vancouver'],
  WEST: ['Europe/Lisbon'],
}

/** Names of the IANA database that are one offset all year, and are written for zones that are not. */
const withoutSummer: Readonly<Record<string, readonly string[]>> = {
  EST: ['America/New_York', 'America/Panama'],
  MST: ['America/Denver', 'America/Phoenix'],
}

/** The one name by which the runtime knows each; null: it knows none. */
const canonical = new Map<string, string | null>()

/** `Europe/Kiev` for `Europe/Kyiv`, say: the same for every name of a zone. Null: not a zone this runtime knows. */
function canonicalZone(zone: string): string | null {
  const known = canonical.get(zone)
  if (known !== undefined) return known
  const found = look(zone)
  if (canonical.size < 2000) canonical.set(zone, found)
  return found
}

function look(zone: string): string | null {
  // Plain UTC offsets (`+02:00`) know no daylight saving time.
  if (/^[+-]/.test(zone) || zone.toUpperCase() in abbreviations) return null
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone
  } catch {
    return null
  }
}

/**
 * True for a zone this runtime's IANA data knows. Plain UTC offsets (`+02:00`) are refused: they know no DST. So are abbreviations
 * such as `BST`: they are of several places, or of another than the runtime takes them for.
 */
export const isTimeZone = (zone: string): boolean => canonicalZone(zone) !== null

/** Two names of one zone, such as `Europe/Kiev` and `Europe/Kyiv`. */
export function isSameZone(one: string, other: string): boolean {
  return one === other || (isTimeZone(one) && canonicalZone(one) === canonicalZone(other))
}

const example = 'must be an IANA time zone such as "Europe/Berlin"'

/** What is to be said of a text that is no zone. */
function zoneFault(zone: unknown): string {
  if (zone === undefined || zone === null) return 'is missing'
  const meant = typeof zone === 'string' ? abbreviations[zone.trim().toUpperCase()] : undefined
  return meant === undefined ? example : `${example}, not an abbreviation; did you mean ${meant.join(', or ')}?`
}

/** What is to be said of a zone that is taken: what it may be mistaken for. Null: nothing. */
export function zoneDoubt(zone: string): string | null {
  const meant = withoutSummer[zone.toUpperCase()]
  return meant === undefined ? null : `has no daylight saving time; did you mean ${meant.join(', or ')}?`
}

export const timeZone = z
  .string({ error: ({ input }) => zoneFault(input) })
  .trim()
  .refine(isTimeZone, { error: ({ input }) => zoneFault(input) })
