import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'

/** Every zone of this runtime's IANA data. */
export const allZones = Intl.supportedValuesOf('timeZone')

/** Half an hour, a day skipped at the date line, two hours, changes around Ramadan, before midnight, at midnight, at 00:01. */
export const oddZones = [
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Fakaofo',
  'Pacific/Kwajalein',
  'Antarctica/Troll',
  'Africa/Casablanca',
  'Africa/El_Aaiun',
  'America/Nuuk',
  'America/Havana',
  'America/St_Johns',
  'Asia/Gaza',
  'Europe/Dublin',
  'Antarctica/Casey',
]

export const hourMs = 3_600_000
export const firstMs = Date.UTC(1990, 0, 1)
export const lastMs = Date.UTC(2060, 11, 31)

/** Instants at which the zone's clocks change, as Temporal knows them: the first two after each given year's start. */
export function changesOf(zone: string, years: readonly number[]): number[] {
  const found = new Set<number>()
  for (const year of years) {
    let at: Temporal.ZonedDateTime | null = Temporal.Instant.fromEpochMilliseconds(
      Date.UTC(year, 0, 1),
    ).toZonedDateTimeISO(zone)
    for (let i = 0; i < 2; i++) {
      at = at?.getTimeZoneTransition('next') ?? null
      if (at !== null && at.epochMilliseconds < lastMs) found.add(at.epochMilliseconds)
    }
  }
  return [...found]
}

/** Whole seconds within a day and a half of a change of the zone's clocks, hours around it mostly; any time where it has none. */
export function nearChanges(zone: string, years: readonly number[]): fc.Arbitrary<number> {
  const changes = changesOf(zone, years)
  if (changes.length === 0) return fc.integer({ min: firstMs / 1000, max: lastMs / 1000 }).map((s) => s * 1000)
  const seconds = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -3 * 3600, max: 3 * 3600 }) },
    { weight: 2, arbitrary: fc.constantFrom(-3600, -1800, -1, 0, 1, 1800, 3600) },
    { weight: 2, arbitrary: fc.integer({ min: -36 * 3600, max: 36 * 3600 }) },
  )
  return fc.tuple(fc.constantFrom(...changes), seconds).map(([change, delta]) => change + delta * 1000)
}

/** A wall-clock text from an instant's UTC fields. */
export const wallOf = (ms: number): string => new Date(ms).toISOString().slice(0, 19)
