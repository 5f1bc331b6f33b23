import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { exitCodes } from '../../../adapters/cli/cli.ts'
import { hostFolder, run } from './host-folder.ts'

/** A host with an organization that has these templates. */
async function hostWith(templates: object) {
  const folder = await hostFolder()
  await run(folder, 'migrate')
  const create = `import create from './notifications.mts'
const library = create()
await library.settings.createOrganizationSettings('clinic', ${JSON.stringify(templates)})
await library.stop()
`
  await writeFile(join(folder, 'create.mts'), create)
  await promisify(execFile)(process.execPath, [join(folder, 'create.mts')])
  return folder
}

it('finds nothing to differ right after it has written the files', async () => {
  const folder = await hostWith({
    emailTemplates: {
      appointment_reminder: { subject: 'Soon', body: 'One\r\nTwo\r\n' },
      appointment_confirmation: 'Until {time}.\n\n',
      appointment_cancellation: { subject: 'Off', body: 'Off.', html: undefined },
    },
    smsTemplates: { appointment_reminder: ' {time} ' },
    templatePartials: { footer: 'Harbour\r\nClinic\n' },
  })
  expect((await run(folder, 'templates', 'pull', 'clinic')).err).toBe('')
  expect(await run(folder, 'templates', 'check', 'clinic')).toEqual({ code: exitCodes.ok, out: '', err: '' })
})

it('reads files as Windows writes them', async () => {
  const folder = await hostWith({ emailTemplates: { appointment_reminder: 'Until {time}.' } })
  const mark = '\uFEFF'
  await writeFile(join(folder, 'settings.json'), `${mark}{ "smsEnabled": false }`)
  expect(await run(folder, 'settings', 'check', 'clinic', '--file', 'settings.json')).toMatchObject({
    code: exitCodes.ok,
  })
  const email = join(folder, 'notification-templates', 'clinic', 'email')
  await mkdir(email, { recursive: true })
  await writeFile(join(email, 'appointment_reminder.txt'), `${mark}Until {time}.\r\n`)
  expect(await run(folder, 'templates', 'check', 'clinic')).toEqual({ code: exitCodes.ok, out: '', err: '' })
  await writeFile(join(email, 'appointment_confirmation.json'), `${mark}{ "body": "Yes." }`)
  expect((await run(folder, 'templates', 'push', 'clinic')).out).toContain('email/appointment_confirmation')
  expect((await run(folder, 'templates', 'pull', 'clinic')).err).toBe('')
  expect(await readFile(join(email, 'appointment_reminder.txt'), 'utf8')).toBe('Until {time}.\n')
})

it.each(['..', '../elsewhere', '..\\elsewhere', 'C:elsewhere'])('takes %s for no folder', async (organization) => {
  const folder = await hostFolder()
  for (const command of ['pull', 'check', 'push'])
    expect(await run(folder, 'templates', command, organization)).toMatchObject({
      code: exitCodes.misused,
      err: expect.stringContaining('cannot be the name of a folder'),
    })
})

it('does not reject where the library cannot be stopped', async () => {
  const folder = await hostFolder()
  const stub = `export default {
  checkUp: async () => ({ status: 'ok', findings: [] }),
  migrate: async () => ({ applied: [], version: 1, sql: [] }),
  stop: async () => { throw new Error('It is stuck.') },
}`
  await writeFile(join(folder, 'stuck.mjs'), stub)
  expect(await run(folder, 'migrate', '--config', 'stuck.mjs')).toMatchObject({
    code: exitCodes.ok,
    err: expect.stringContaining('It is stuck.'),
  })
})
