import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

it.each([
  ['pg-boss', 'pgBoss', `{ url: 'postgres://localhost' }`, 'npm install pg-boss'],
  ['bullmq', 'bullmq', `{ connection: { port: 1 } }`, 'npm install bullmq ioredis'],
  ['ioredis', 'bullmq', `{ connection: { port: 1 } }`, 'npm install bullmq ioredis'],
])('says at the start what to install where %s is missing', (vendor, factory, options, told) => {
  const file = factory === 'pgBoss' ? 'pg-boss' : 'bullmq'
  const code = `
    import { registerHooks } from 'node:module'
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier === '${vendor}') throw new Error('not found')
        return next(specifier, context)
      },
    })
    const { silentLogger: logger, systemClock: clock } = await import('${new URL('../../../src/index.ts', import.meta.url).href}')
    const { ${factory} } = await import('${new URL(`../../../adapters/scheduler/${file}.ts`, import.meta.url).href}')
    const { code, message } = await ${factory}(${options}).start({ wake() {}, clock, logger }).catch((error) => error)
    console.log(JSON.stringify([code, message]))
  `
  const printed = execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '--eval', code], {
    cwd: fileURLToPath(new URL('../../../', import.meta.url)),
    encoding: 'utf8',
  })
  expect(JSON.parse(printed)).toEqual(['dependency_missing', expect.stringContaining(told)])
})
