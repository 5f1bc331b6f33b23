import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const file = (path: string): string => new URL(`../../${path}`, import.meta.url).href

it('loads ical-generator at the start of a library that has it, which says what to install without it', () => {
  const code = `
    import { registerHooks } from 'node:module'
    let loads = 0
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier !== 'ical-generator') return next(specifier, context)
        loads += 1
        throw new Error('not found')
      },
    })
    const { createNotifications, silentLogger: logger } = await import('${file('src/index.ts')}')
    const { calendar } = await import('${file('adapters/calendar/calendar.ts')}')
    const { sqlite } = await import('${file('adapters/storage/sqlite.ts')}')
    const directory = { appointments: async () => [], organizations: async () => [] }
    const library = createNotifications({ storage: sqlite(':memory:'), directory, transports: [], env: {}, logger, calendar: calendar() })
    await library.migrate()
    const before = loads
    const { code, message } = await library.start().catch((error) => error)
    await library.stop()
    console.log(JSON.stringify([before, loads, code, message]))
  `
  const printed = execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '--eval', code], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    encoding: 'utf8',
  })
  const wanted = [0, 1, 'dependency_missing', expect.stringContaining('npm install ical-generator')]
  expect(JSON.parse(printed)).toEqual(wanted)
})
