/** `npm run check:package` as a process, on projects that are not as they should be. What it does with this one is long. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { runCommand, runScript } from '../support/run-script.ts'
import { entries, manifest, readJson, root } from './manifest.ts'

/** A project with the same exports, whose files are empty. */
function makeProject() {
  const folder = mkdtempSync(join(tmpdir(), 'project-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  for (const name of ['package.json', 'tsconfig.json', 'README.md', 'test/package', 'test/support'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const { source, types, default: code } of entries) for (const path of [source, types, code]) write(path, '')
  for (const code of Object.values(manifest.bin))
    for (const path of [code, code.replace(/js$/, 'd.ts')]) write(path, '')
  return { folder, write }
}

it('the exports of a project that is as it should be agree', async () => {
  const { folder } = makeProject()
  const { code, output } = await runCommand('node test/package/check-exports.ts', [], { cwd: folder })
  expect([code, output]).toEqual([
    0,
    `${entries.length} entry points: exports, sources, built files and paths agree.\n`,
  ])
})

it.each([
  ['an entry that was not built', 'dist/index.d.ts', 'was not built'],
  ['an entry without a source', 'adapters/transport/smtp.ts', 'is missing'],
])('exits with 1 for %s', async (_what, path, words) => {
  const { folder } = makeProject()
  rmSync(join(folder, path))
  const { code, output } = await runScript('check:package', [], { cwd: folder })
  expect(code, output).toBe(1)
  expect(output).toContain(`${path} ${words}`)
})

it('exits with 1 for an adapter that nobody can import', async () => {
  const { folder, write } = makeProject()
  write('adapters/transport/pigeon.ts', '')
  const { code, output } = await runScript('check:package', [], { cwd: folder })
  expect(code, output).toBe(1)
  expect(output).toContain('adapters/transport/pigeon.ts is not among the exports')
})

it('exits with 1 for a tarball with what is not for users, and leaves nothing behind', async () => {
  const { folder, write } = makeProject()
  write('package.json', JSON.stringify({ ...Object(readJson('package.json')), files: ['dist', 'src'] }))
  const { code, output, left } = await runScript('check:package', [], { cwd: folder })
  expect([code, left], output).toEqual([1, []])
  expect(output).toContain('FAILED  the tarball holds what is not for users: src/index.ts')
})
