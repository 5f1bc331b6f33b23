import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { root } from '../package/manifest.ts'

it('the quickstart lives its story and exits 0', { timeout: 60_000 }, async () => {
  // Rejects where the exit code is not 0.
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['examples/quickstart/main.ts'], { cwd: root })
  expect(stderr).toBe('')
  for (const expected of [
    'Appointment Reminder - ',
    'Appointment Rescheduled - ',
    'Appointment Cancelled - ',
    'skipped   reminder e-mail 24h  its time was already past when it was planned',
    'planned   reminder e-mail 1h ',
    'cancelled reminder e-mail 2h   the appointment is cancelled',
    'All checks passed',
  ]) {
    expect(stdout).toContain(expected)
  }
  expect(stdout).not.toContain('FAILED')
})
