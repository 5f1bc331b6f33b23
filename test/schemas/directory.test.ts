import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type {
  DirectoryAppointment,
  DirectoryOrganization,
  DirectoryRecipientProfile,
  DirectoryWaitlistEntry,
} from '../../src/index.ts'
import { rowReaders } from '../../src/schemas/directory.ts'

const source = readFileSync(new URL('../../src/schemas/directory.ts', import.meta.url), 'utf8')
const types = [...source.matchAll(/^export type (Directory\w+) = [^{]*\{\n(.*?)\n\}/gms)]

describe('the types of the rows of a directory', () => {
  it.each(types.map(([, name, body = '']) => [name, body]))('%s says of each field what it means', (_name, body) => {
    const lines = String(body).split('\n')
    const fields = lines.flatMap((line, index) => (/^ {2}(?:readonly )?\w+\??:/.test(line) ? [index] : []))
    expect(fields.length).toBeGreaterThan(0)
    for (const index of fields)
      expect([lines[index], lines[index - 1]?.trimEnd().endsWith('*/')]).toEqual([lines[index], true])
  })

  it('have the fields that are read, and no others', () => {
    const person = {
      type: 'PATIENT',
      id: 1,
      name: 'Ada',
      email: 'a@b.org',
      phone: '1',
      locale: 'en',
      timeZone: 'UTC',
      silent: false,
      contactOrder: [],
    } as const
    const visit = { visitMode: 'video', videoLink: 'https://example.org' } as const
    const about = { durationMinutes: 1, practitionerName: 'x', location: 'y', variables: { copay: 5 }, ...visit }
    const place = { id: 1, organizationId: 'o', recipients: [person], timeZone: 'UTC' }
    const appointment: Required<DirectoryAppointment> = {
      ...place,
      ...about,
      kind: 'surgery',
      startsAt: new Date(),
      bookedAt: new Date(),
      status: 'scheduled',
    }
    const entry: Required<DirectoryWaitlistEntry> = { ...place, ...about, startsAt: new Date(), expiresAt: new Date() }
    const organization: Required<DirectoryOrganization> = { id: 'o', name: 'n', locale: 'en', phone: '1' }
    const profile: Required<DirectoryRecipientProfile> = { ...person, organizationId: 'o' }
    const ids = { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const
    const read = rowReaders(ids, new Map([['copay', { type: 'number', sample: 5, detail: 2 }]]))
    const readings = [
      read.appointment(appointment),
      read.waitlistEntry(entry),
      read.organization(organization),
      read.recipient(profile),
    ]
    expect(readings).toMatchObject(readings.map(() => ({ issues: [], findings: [], unknown: [] })))
    for (const [index, row] of [appointment, entry, organization, profile].entries()) {
      expect(Object.keys(readings[index]?.value ?? {})).toEqual(expect.arrayContaining(Object.keys(row)))
    }
  })
})
