/**
 * What hosts set up wrongly. Each is named in the log and in health, so that whoever runs the system knows what to change
 * without reading code; or it is refused in such words when it is written.
 */
import { describe, expect, it } from 'vitest'
import { organizationId } from '../support/clinic.ts'
import { databases } from './databases.ts'
import { directories } from './directories.ts'
import { findings } from './findings.ts'
import { neighbour, openHost, service, staff } from './host.ts'
import { organizations } from './organizations.ts'
import { providers } from './providers.ts'
import { refused } from './refused.ts'
import { surroundings } from './surroundings.ts'

const brokenSetUps = [...providers, ...organizations, ...directories, ...databases, ...surroundings]

/** Values of the rows that may be in no log line and no answer. */
const secrets = /canary|ada@example|4155550123|Ada Byron/

describe('a set-up that works', () => {
  it('is named nowhere', async () => {
    const host = await openHost()
    await expect.poll(() => host.mails.length).toBe(1)
    expect(host.lines).toEqual([])
    for (const caller of [service, staff, neighbour, null]) {
      const { status, text } = await host.health(caller)
      expect([status, text]).toEqual([200, expect.stringContaining('{"status":"ok"')])
      for (const { health } of brokenSetUps) expect(text).not.toMatch(health)
    }
    expect(await host.passing(host.checkUp())).toMatchObject({ status: 'ok', findings: [] })
  })
})

describe.each(brokenSetUps)('$name', ({ name, make, log, health, status, staff: own }) => {
  it('is named in the log, in health and by a check-up, with what to do', async () => {
    const host = await make()
    await expect.poll(() => host.lines.join('\n')).toMatch(log)
    // A database that is away takes longer to say so than the first who asks waits for it.
    await expect.poll(async () => (await host.health()).text).toMatch(health)
    const seen = await host.health()
    expect(seen.text).toMatch(health)
    expect(JSON.parse(seen.text)).toMatchObject({ status })
    expect(seen.status).toBe(status === 'failing' ? 503 : 200)
    expect(JSON.parse((await host.health(null)).text)).toEqual({ status })
    if (own !== null) expect((await host.health(staff)).text).toMatch(own ?? health)
    expect((await host.health(neighbour)).text).not.toContain(organizationId)
    expect(`${seen.text}${host.lines.join('\n')}`).not.toMatch(secrets)
    const { status: worst, findings: found } = await host.passing(host.checkUp())
    expect(worst).not.toBe('ok')
    const [code, cause, remedy, ...beside] = findings[name] ?? ['logged', /none is expected/, /none/]
    expect(found).toContainEqual(
      expect.objectContaining({ code, cause: expect.stringMatching(cause), remedy: expect.stringMatching(remedy) }),
    )
    expect([...new Set(found.map((one) => one.code))].sort()).toEqual([code, ...beside].sort())
    expect(JSON.stringify(found)).not.toMatch(secrets)
  })
})

describe('what can be known to be wrong', () => {
  it.each(refused)('is refused in words: $name', async ({ make, error }) => {
    const outcome = await (async () => make())().then(
      () => 'accepted',
      (thrown: unknown) => (thrown instanceof Error ? thrown.message : 'not an error'),
    )
    expect(outcome).toMatch(error)
    expect(outcome).not.toMatch(secrets)
  })
})
