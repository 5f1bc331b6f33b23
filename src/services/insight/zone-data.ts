import { readFileSync } from 'node:fs'

/** As Debian, Alpine and macOS keep it; its first line names the release. */
const paths = ['/usr/share/zoneinfo/tzdata.zi', '/usr/share/zoneinfo/+VERSION']

/** The release of the time zone data that the operating system has, such as `2026b`; null: it does not say. */
export function machineZoneData(from: readonly string[] = paths): string | null {
  for (const path of from) {
    try {
      const [release] = /\b20\d\d[a-z]\b/.exec(readFileSync(path, 'utf8').slice(0, 100)) ?? []
      if (release !== undefined) return release
    } catch {
      // This machine keeps it elsewhere, or not at all.
    }
  }
  return null
}
