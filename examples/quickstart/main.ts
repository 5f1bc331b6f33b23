/**
 * The main use, from end to end, in a few seconds: a clinic embeds the library, books, moves and cancels appointments,
 * and a real SMTP server on the loopback interface receives the mail. Exits with 0 only if everything happened as it should.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNotifications } from 'appointment-notifications'
import { postgres } from 'appointment-notifications/postgres'
import { smtp } from 'appointment-notifications/smtp'
import { sqlite } from 'appointment-notifications/sqlite'
import { Clinic } from './clinic.ts'
import { openInbox } from './inbox.ts'
import { heading, printMail, printTimeline } from './report.ts'
import { live } from './story.ts'
import { verify } from './verify.ts'

const account = { username: 'clinic@example.org', password: randomBytes(12).toString('base64url') }
// With `DATABASE_URL=postgres://...` the rows are there, in a new schema for this run.
const url = process.env['DATABASE_URL']
const schema = `quickstart_${randomBytes(6).toString('hex')}`
const folder = await mkdtemp(join(tmpdir(), 'quickstart-'))
const inbox = await openInbox(account)
const clinic = new Clinic()

// This is all it takes to embed the library.
const library = createNotifications({
  storage: url ? postgres({ url, schema }) : sqlite(join(folder, 'clinic.sqlite')),
  // By default organizations may not use mail servers in private networks.
  transports: [smtp({ allowPrivateHosts: true, allowedPorts: [inbox.port] })],
  directory: clinic.directory,
  // What is reported is sent at once. By default it waits a minute, in case it is undone.
  settleMs: 0,
  encryptionKey: randomBytes(32).toString('base64'),
})

try {
  heading('The story')
  await library.migrate()
  const outcome = await live({ library, clinic, inbox, account })
  await library.stop()

  heading('The mail, as the SMTP server received it')
  for (const mail of inbox.mails) printMail(mail)
  heading('What was planned, sent and left out, and why: explain(), in the time of the clinic')
  for (const [title, lines] of outcome.stories) printTimeline(title, lines)

  const files = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name))))
  const exposed = files.some((file) => file.includes(account.password))
  process.exitCode = verify(outcome, inbox.mails, exposed)
} catch (error) {
  console.error('\nThe quickstart failed:', error)
  process.exitCode = 1
} finally {
  await library.stop()
  await inbox.close()
  await rm(folder, { recursive: true, force: true })
}
