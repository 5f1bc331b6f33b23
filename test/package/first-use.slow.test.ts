/** What is loaded at first use is there for whichever call comes first: each of these is the first of its process, which sends nothing. */
import { execFileSync } from 'node:child_process'
import { beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { esbuild } from './chunks.ts'
import { manifest, root } from './manifest.ts'

/** `call` is one of the library's methods, as an expression. */
const app = (calls: Readonly<Record<string, string>>) => `
  import { randomBytes } from 'node:crypto'
  import { createNotifications, isNotificationError, silentLogger } from './src/index.ts'
  import { capture } from './adapters/transport/capture.ts'
  import { sqlite } from './adapters/storage/sqlite.ts'

  const ref = { type: 'PATIENT', id: 7 }
  const patient = { ...ref, organizationId: 'harbour', phone: '+447700900123' }
  const appointment = {
    organizationId: 'harbour', startsAt: '2100-05-03T10:00', timeZone: 'Europe/London', durationMinutes: 30,
    status: 'scheduled', practitionerId: 1, recipients: [patient],
  }
  const directory = {
    appointments: async (ids) => ids.map((id) => ({ ...appointment, id })),
    organizations: async (ids) => ids.map((id) => ({ id, name: 'Harbour' })),
    recipients: async (refs) => refs.map(() => patient),
    waitlistEntries: async () => [],
  }
  const options = { storage: sqlite(':memory:'), transports: [capture()], directory, env: {}, logger: silentLogger }
  const library = createNotifications({ ...options, encryptionKey: randomBytes(32).toString('base64') })
  await library.migrate()
  const { notifications, settings, addresses, privacy } = library
  const calls = { ${Object.entries(calls)
    .map(([name, call]) => `${name}: () => ${call}`)
    .join(', ')} }
  const outcome = await calls[process.argv[2]]().then(() => 'done', (error) => String(error))
  console.log(outcome)
  await library.stop()`

const number = "'+44 7700 900456'"
const calls = {
  booked: 'notifications.appointmentBooked(42)',
  planned: 'notifications.plan(42)',
  scheduled: 'notifications.scheduleReminders(42)',
  notified: `notifications.sendAppointmentNotification(42, { category: 'CONFIRMATION' })`,
  lifted: `addresses.lift('harbour', { channel: 'SMS', address: ${number} })`,
  tested: `settings.sendTestMessage('harbour', { phone: ${number} }, { channel: 'SMS' })`,
  explained: 'notifications.explain(42)',
  found: `notifications.history({ channel: 'SMS', recipientAddress: ${number} })`,
  sender: `settings.createOrganizationSettings('harbour', { smsFromNumber: ${number} })`,
  preferred: `settings.createPreferences(ref, { phoneNumber: ${number} })`,
  effective: 'settings.effectivePreferences(ref)',
  suppressed: `addresses.suppress('harbour', { channel: 'SMS', address: ${number}, cause: 'stop' })`,
  erased: `privacy.eraseRecipient(ref, { contactAddresses: [{ channel: 'SMS', address: ${number} }] })`,
} as const

let bundle = ''
beforeAll(async () => {
  const { outputFiles } = z.object({ outputFiles: z.array(z.object({ text: z.string() })) }).parse(
    await esbuild.build({
      stdin: { contents: app(calls), resolveDir: root, loader: 'ts' },
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node22',
      external: [...Object.keys(manifest.peerDependencies), ...Object.keys(manifest.dependencies)],
      logLevel: 'silent',
    }),
  )
  // Who did not await the numbering plans would find them by `require` here, and nowhere that they are bundled.
  const [found, required] = [
    outputFiles[0]?.text ?? '',
    /createRequire\w*\(import\.meta\.url\)\("libphonenumber-js\/max"\)/,
  ]
  expect(found).toMatch(required)
  bundle = found.replace(required, 'null')
})

it.each(Object.keys(calls))('%s', (name) => {
  const said = execFileSync(process.execPath, ['--input-type=module', '-', name], { cwd: root, input: bundle })
  expect(said.toString().trim()).toBe('done')
})
