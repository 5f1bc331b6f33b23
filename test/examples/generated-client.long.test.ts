/**
 * The description is good for clients: types generated from what the example clinic serves, by a generator that knows
 * nothing of us, compile together with a strictly typed client, and that client does its work over HTTP.
 */
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import openapiTypes, { astToString } from 'openapi-typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { root } from '../package/manifest.ts'
import { type ClinicProcess, serviceToken, startClinic } from '../support/clinic-process.ts'
import { type SmtpTestServer, startSmtpServer } from '../support/smtp-server.ts'

const execute = promisify(execFile)
const organizationId = '7f3d2a10-5b1e-4c7a-9a52-0c6f5a1d9b11'

let folder: string
let mail: SmtpTestServer
let clinic: ClinicProcess

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'client-'))
  mail = await startSmtpServer({})
  clinic = await startClinic(folder, 'http://127.0.0.1:1')
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  await copyFile(join(root, 'test/examples/client/program.mts'), join(folder, 'program.mts'))
}, 30_000)

afterAll(async () => {
  clinic?.process.kill('SIGKILL')
  await mail?.close()
  await rm(folder, { recursive: true, force: true })
})

async function create(path: string, body: object): Promise<number> {
  const response = await fetch(`${clinic.origin}/api${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${serviceToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return z.object({ id: z.coerce.number() }).parse(await response.json()).id
}

/** Not synchronously: the mail server of this process has to answer meanwhile. */
async function run(script: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  try {
    return (await execute(process.execPath, [script, ...args], { cwd: folder, env })).stdout
  } catch (error) {
    // The compiler tells its findings on stdout.
    const { stdout, stderr } = z.object({ stdout: z.string(), stderr: z.string() }).parse(error)
    throw new Error(stdout + stderr)
  }
}

test('types generated from the served description are strict and named', async () => {
  const response = await fetch(`${clinic.origin}/api/notifications/openapi.json`)
  const types = astToString(await openapiTypes(await response.text()))
  expect(types).toMatch(/^ {8}Reminder: \{/m)
  expect(types).not.toMatch(/\bany\b/)
  await writeFile(join(folder, 'api.d.ts'), types)
})

test('a client of these types compiles', async () => {
  const strict = ['--strict', '--noEmit', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess']
  const target = [
    '--target',
    'es2023',
    '--module',
    'nodenext',
    '--types',
    'node',
    '--allowImportingTsExtensions',
    '--ignoreConfig',
  ]
  expect(await run(join(root, 'node_modules/typescript/bin/tsc'), [...strict, ...target, 'program.mts'])).toBe('')
})

test('and does its work', async () => {
  const organization = { id: organizationId, name: 'Harbour Clinic', time_zone: 'America/New_York' }
  await fetch(`${clinic.origin}/api/organizations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${serviceToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(organization),
  })
  const patientId = await create('/patients', {
    organization_id: organizationId,
    name: 'Ada',
    email: 'ada@example.org',
  })
  const appointmentId = await create('/appointments', {
    organization_id: organizationId,
    patient_id: patientId,
    starts_at: new Date(Date.now() + 3 * 86_400_000).toISOString(),
    time_zone: 'America/New_York',
  })
  const said = await run('program.mts', [], {
    CLINIC_ORIGIN: clinic.origin,
    CLINIC_TOKEN: serviceToken,
    ORGANIZATION_ID: organizationId,
    SMTP_PORT: String(mail.port),
    PATIENT_ID: String(patientId),
    APPOINTMENT_ID: String(appointmentId),
  })
  expect(said).toBe('2 reminders, 1 delivery\n')
  expect(mail.mails.map(({ to }) => to)).toEqual([['ada@example.org']])
})
