import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { swaggerUi } from '../../../adapters/docs/swagger-ui.ts'

test('the files of the page are a fixed list: no name leads elsewhere', async () => {
  const page = swaggerUi()
  for (const name of ['package.json', '../package.json', '../../zod/package.json', '/etc/passwd', 'constructor', '']) {
    expect([name, await page.asset(name)]).toEqual([name, null])
  }
})

test('says what to install when the package is missing', () => {
  const code = `
    import { registerHooks } from 'node:module'
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier.startsWith('swagger-ui-dist')) throw new Error('not found')
        return next(specifier, context)
      },
    })
    const { swaggerUi } = await import('${new URL('../../../adapters/docs/swagger-ui.ts', import.meta.url).href}')
    const page = swaggerUi()
    const errors = [await page.page('.').catch((e) => e), await page.asset('swagger-ui.css').catch((e) => e)]
    console.log(JSON.stringify(errors.map(({ code, message }) => [code, message])))
  `
  const printed = execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '--eval', code], {
    cwd: fileURLToPath(new URL('../../../', import.meta.url)),
    encoding: 'utf8',
  })
  const told = ['dependency_missing', expect.stringContaining('npm install swagger-ui-dist')]
  expect(JSON.parse(printed)).toEqual([told, told])
})
