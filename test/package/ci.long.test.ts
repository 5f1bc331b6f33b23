/** `.ci/run` as a process, with an npm that only pretends: it fails with every step that does, and stops there. */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { runCommand } from '../support/run-script.ts'
import { root } from './manifest.ts'

/** What the tests of a step reported; null: nothing, as where vitest itself broke. */
type Report = { readonly passed: number; readonly failed: number } | null
type Pretence = {
  /** The call of npm that exits with 1, counted from 0. Default: none. */
  readonly failing?: number
  readonly report?: Report
}

/** Runs it, and tells what npm was asked for. */
async function runCi({ failing = -1, report = { passed: 7, failed: 0 } }: Pretence) {
  const folder = mkdtempSync(join(tmpdir(), 'project-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [calls, written] = [join(folder, 'calls'), join(folder, 'report.json')]
  mkdirSync(join(folder, 'programs'))
  cpSync(join(root, '.ci'), join(folder, '.ci'), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(calls, '')
  const numbers = {
    numPassedTests: report?.passed,
    numFailedTests: report?.failed,
    numPendingTests: 0,
    testResults: [],
  }
  writeFileSync(written, report === null ? '' : JSON.stringify(numbers))
  const npm = `#!/bin/sh
    echo "$*" >>'${calls}'
    for word; do case "$word" in --outputFile.json=*) cp '${written}' "\${word#*=}" ;; esac; done
    [ "$(wc -l <'${calls}')" -ne ${failing + 1} ]\n`
  // Nothing is installed on the machine of the test.
  for (const [name, text] of Object.entries({ npm, 'redis-server': '#!/bin/sh\n' })) {
    writeFileSync(join(folder, 'programs', name), text)
    chmodSync(join(folder, 'programs', name), 0o755)
  }
  const run = await runCommand('bash .ci/run', [], { cwd: folder, programs: join(folder, 'programs') })
  const asked = readFileSync(calls, 'utf8').trim().split('\n')
  return { ...run, calls: asked.map((call) => call.replace(/=\S*\/\S*/g, '')) }
}

it('takes every step, and ends with what the tests came to', async () => {
  const { code, output, calls, left } = await runCi({})
  expect([code, left], output).toEqual([0, []])
  for (const step of [/^ci$/, /\blint\b/, /\btypecheck\b/, /\btest(:all)?\b/, /\bcheck:package\b/, /\bquickstart\b/]) {
    expect(calls.filter((call) => step.test(call))).toHaveLength(1)
  }
  expect(output.trimEnd().split('\n').at(-1)).toMatch(/\b7 passed, 0 failed/)
})

it('fails with every step that fails, and takes none after it', { timeout: 60_000 }, async () => {
  const { calls } = await runCi({})
  for (const failing of calls.keys()) {
    const run = await runCi({ failing })
    expect([run.code, run.calls], run.output).toEqual([1, calls.slice(0, failing + 1)])
  }
})

it.each<[string, Report]>([
  ['reported nothing', null],
  ['passed no test', { passed: 0, failed: 0 }],
  ['failed, whatever their exit code', { passed: 6, failed: 1 }],
])('fails where the tests %s', async (_what, report) => {
  const { code, output, calls } = await runCi({ report })
  expect(code, output).toBe(1)
  expect(calls.join()).not.toContain('check:package')
})
