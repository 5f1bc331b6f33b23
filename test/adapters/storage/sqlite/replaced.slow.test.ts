/** The file under a process that has it open is deleted, moved away, or replaced by a backup. */
import { renameSync } from 'node:fs'
import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sqlite } from '../../../../adapters/storage/sqlite.ts'
import { ask } from '../../../conformance/http/world.ts'
import { openClinic } from '../../../support/clinic.ts'

const startsAt = new Date('2026-03-21T12:00:00Z')

async function opened() {
  const directory = await mkdtemp(join(tmpdir(), 'replaced-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'rows.sqlite')
  const clinic = await openClinic('2026-03-20T11:59:00Z', {
    storage: sqlite(path),
    sweepMs: 1000,
    authenticate: () => ({ kind: 'service', id: 'operator' }),
  })
  onTestFinished(() => clinic[Symbol.asyncDispose]())
  clinic.host.book({ id: 1, startsAt })
  clinic.host.book({ id: 2, startsAt })
  await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
  const health = async () => {
    const asked = ask(clinic, { method: 'GET', path: '/health', caller: null })
    await clinic.clock.advance(1)
    return asked
  }
  return { path, directory, clinic, health }
}

const ways: Record<string, (path: string, directory: string) => Promise<void>> = {
  'was deleted': (path) => rm(path),
  'was deleted with its logs': async (path) => {
    for (const name of ['', '-wal', '-shm']) await rm(`${path}${name}`)
  },
  'was moved away': (path) => rename(path, `${path}.old`),
  'was replaced by a copy': async (path, directory) => {
    await copyFile(path, join(directory, 'backup'))
    await rename(join(directory, 'backup'), path)
  },
  'lost its write-ahead log': (path) => rm(`${path}-wal`),
}

describe('a database file that', () => {
  for (const [what, change] of Object.entries(ways)) {
    it(`${what} is noticed: nothing is accepted or sent, and health is failing`, async () => {
      const { path, directory, clinic, health } = await opened()
      await clinic.start()
      expect(await health()).toMatchObject({ status: 200 })
      await change(path, directory)
      const refused = { code: 'storage_replaced', message: expect.stringContaining('was deleted or replaced') }
      await expect(clinic.notifications.scheduleReminders(2, { customReminders: [24] })).rejects.toMatchObject(refused)
      await expect(clinic.notifications.history()).rejects.toMatchObject(refused)
      expect(await health()).toMatchObject({
        status: 503,
        answer: { status: 'failing', storage: { status: 'failing' } },
      })
      await clinic.clock.advance(90_000)
      expect(clinic.sentTo()).toEqual([])
      expect(clinic.log.lines.join()).toContain('storage_replaced')
    })
  }

  it('is put back is used again', async () => {
    const { path, clinic, health } = await opened()
    await clinic.start()
    await rename(path, `${path}.old`)
    await clinic.clock.advance(10_000)
    await expect(clinic.notifications.history()).rejects.toMatchObject({ code: 'storage_replaced' })
    await rename(`${path}.old`, path)
    await clinic.clock.advance(60_000)
    expect(clinic.outbox.sent).toHaveLength(2)
    expect(await health()).toMatchObject({ status: 200 })
  })

  it('goes away after a message was accepted leaves its outcome to be written when it is back', async () => {
    const { path, clinic } = await opened()
    const send = clinic.outbox.send.bind(clinic.outbox)
    clinic.outbox.send = async (message, context) => {
      const receipt = await send(message, context)
      if (message.channel === 'EMAIL') renameSync(path, `${path}.old`)
      return receipt
    }
    await clinic.start()
    await clinic.clock.advance(5 * 60_000)
    expect(clinic.outbox.sent).toHaveLength(2)
    await rename(`${path}.old`, path)
    await clinic.clock.advance(5 * 60_000)
    expect(clinic.outbox.sent).toHaveLength(2)
    expect((await clinic.notifications.history()).notifications).toMatchObject([{ status: 'SENT' }, { status: 'SENT' }])
  })
})
