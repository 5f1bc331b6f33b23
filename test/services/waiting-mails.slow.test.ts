/** More mails are in hand than there are connections: what becomes of those that wait while the mail server takes its time. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { smtp } from '../../adapters/transport/smtp.ts'
import { startScriptedServer } from '../adapters/transport/smtp/scripted-server.ts'
import { openClinic, organizationId } from '../support/clinic.ts'
import { sqlite } from '../support/stores.ts'

const count = 40
const startsAt = new Date('2026-03-21T12:00:00Z')
const before = '2026-03-20T11:59:00Z'
const minute = 60_000

/** A mail server that confirms a message when it is let to. */
async function slowServer() {
  const held: (() => void)[] = []
  const server = await startScriptedServer(
    (command) => (command === '.' ? new Promise((resolve) => held.push(() => resolve(undefined))) : undefined),
    { extensions: ['AUTH PLAIN'] },
  )
  onTestFinished(() => server.close())
  return { server, held, confirm: () => held.splice(0).forEach((one) => void one()) }
}

const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 5000, interval: 2 })

/** Two processes on one database; one of them has forty mails in hand, and five connections. */
async function withFortyInHand() {
  const directory = await mkdtemp(join(tmpdir(), 'waiting-mails-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'rows.sqlite')
  const { server, held, confirm } = await slowServer()
  const storage = sqlite(path)
  const shared = { leaseMs: 5000, sweepMs: 1000 }
  const clinic = await openClinic(before, { ...shared, storage, transports: [smtp({ allowPrivateHosts: true })] })
  const { clock, host } = clinic
  const others = capture()
  const rival = await openClinic(before, {
    ...{ ...shared, storage: sqlite(path), transports: [others], clock, directory: host },
  })
  onTestFinished(async () => {
    confirm()
    await clinic[Symbol.asyncDispose]()
    await rival[Symbol.asyncDispose]()
  })
  await clinic.settings.createOrganizationSettings(organizationId, {
    ...{ emailSmtpHost: '127.0.0.1', emailSmtpPort: server.port, emailFromAddress: 'clinic@example.org' },
    ...{ emailUsername: 'clinic', emailPassword: 'secret', quietHours: [] },
  })
  for (let id = 1; id <= count; id += 1) {
    host.book({ id, startsAt, recipients: [{ type: 'PATIENT', id, email: `patient-${id}@example.org` }] })
    await clinic.notifications.scheduleReminders(id, { customReminders: [24] })
  }
  await clinic.start()
  await clock.advance(minute)
  await rival.start()
  const addressed = () => server.lines.filter((line) => line.startsWith('RCPT'))
  return {
    ...{ clinic, clock, server, held, addressed, others },
    sent: async () => {
      const { notifications } = await clinic.notifications.history({ limit: 100 })
      return notifications.filter(({ status }) => status === 'SENT').length
    },
    attempts: async () => {
      const rows = await Promise.all(Array.from({ length: count }, (_, index) => storage.deliveries.get(index + 1)))
      return rows.map((row) => row?.attempts)
    },
    /** Twenty seconds pass, and the server confirms five. */
    async take() {
      await eventually(() => held.length).toBe(5)
      for (let second = 0; second < 20; second += 1) await clock.advance(1000)
      const { accepted } = server
      confirm()
      await eventually(() => server.accepted).toBe(accepted + 5)
    },
  }
}

it('they stay with this process for many times a lease, and go out once, at the first attempt', async () => {
  const { take, addressed, others, sent, attempts, server } = await withFortyInHand()
  for (let round = 0; round < count / 5; round += 1) await take()
  await eventually(sent).toBe(count)
  expect([server.accepted, new Set(addressed()).size, addressed().length]).toEqual([count, count, count])
  expect(others.sent).toEqual([])
  expect(await attempts()).toEqual(Array.from({ length: count }, () => 1))
})

it('they are given back when the process stops, and the next one sends them', async () => {
  const { clinic, clock, server, held, addressed, others } = await withFortyInHand()
  await eventually(() => held.length).toBe(5)
  const stopping = clinic.stop()
  await clock.advance(12_000)
  const { unfinished, unrecorded } = await stopping
  expect([unfinished, unrecorded]).toEqual([[], []])
  await clock.advance(2000)
  await eventually(() => others.sent.length).toBe(count - 5)
  const begun = addressed().map((line) => line.slice('RCPT TO:<'.length, -1))
  expect([begun.length, server.accepted]).toEqual([5, 0])
  const theirs = others.sent.map(({ to }) => to)
  expect(new Set([...begun, ...theirs]).size).toBe(count)
})
