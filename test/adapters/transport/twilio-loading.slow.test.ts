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

const send = `
  const transport = twilio({ baseUrl: 'http://127.0.0.1:1' })
  const account = { channel: 'SMS', provider: 'twilio', apiKey: 'AC1', apiSecret: 'secret' }
  const context = { account, accountKey: 'a', trusted: false, signal: new AbortController().signal }
  const error = await transport.send({ to: '+14155550167', from: '+14155550100', text: 'text', template: null }, context).catch((e) => e)
`

it('pain 16: loads the SDK at the first send, and not before', () => {
  const code = `
    import { createRequire } from 'node:module'
    const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((id) => /node_modules.(twilio|axios)./.test(id))
    await import('${file('src/index.ts')}')
    const { twilio } = await import('${file('adapters/transport/twilio.ts')}')
    twilio()
    const before = loaded()
    ${send}
    console.log(JSON.stringify([before, loaded(), error.code]))
  `
  expect(JSON.parse(printed(code))).toEqual([false, true, 'twilio_unreachable'])
})

it('says what to install when twilio is missing', () => {
  const code = `
    import { registerHooks } from 'node:module'
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier === 'twilio') throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' })
        return next(specifier, context)
      },
    })
    const { twilio } = await import('${file('adapters/transport/twilio.ts')}')
    ${send}
    console.log(JSON.stringify([error.outcome, error.scope, error.code, error.message]))
  `
  const [outcome, scope, code_, message] = JSON.parse(printed(code))
  expect([outcome, scope, code_]).toEqual(['transient', 'account', 'dependency_missing'])
  expect(message).toContain('npm install twilio')
})
