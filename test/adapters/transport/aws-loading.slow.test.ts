import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const file = (path: string): string => new URL(`../../../${path}`, import.meta.url).href

/** What a process of its own prints when it runs `code`. */
const printed = (code: string): string =>
  execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '--eval', code], {
    cwd: fileURLToPath(new URL('../../../', import.meta.url)),
    encoding: 'utf8',
  })

const rows = [
  ['aws-sns', 'awsSns', '@aws-sdk/client-sns'],
  ['aws-sms', 'awsSms', '@aws-sdk/client-pinpoint-sms-voice-v2'],
] as const

it.each(rows)('pain 16: %s loads the SDK at the first send, and says what to install without it', (path, name, sdk) => {
  const code = `
    import { registerHooks } from 'node:module'
    let loads = 0
    registerHooks({
      resolve(specifier, context, next) {
        if (!specifier.startsWith('@aws-sdk/')) return next(specifier, context)
        loads += 1
        throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' })
      },
    })
    await import('${file('src/index.ts')}')
    const { ${name} } = await import('${file(`adapters/transport/${path}.ts`)}')
    const transport = ${name}({ endpoint: 'http://127.0.0.1:1' })
    const before = loads
    const account = { channel: 'SMS', provider: 'aws', apiKey: 'AKIA0000000000000000', apiSecret: 'secret', region: 'eu-west-1' }
    const context = { account, accountKey: 'a', trusted: false, now: () => new Date(), signal: new AbortController().signal }
    const message = { to: '+14155550167', from: '+14155550100', text: 'text', deadline: null, idempotencyKey: 'one' }
    const error = await transport.send(message, context).catch((e) => e)
    console.log(JSON.stringify([before, loads, error.outcome, error.scope, error.code, error.message]))
  `
  const [before, loads, outcome, scope, code_, message] = JSON.parse(printed(code))
  expect([before, loads, outcome, scope, code_]).toEqual([0, 1, 'transient', 'account', 'dependency_missing'])
  expect(message).toContain(`npm install ${sdk}`)
})
