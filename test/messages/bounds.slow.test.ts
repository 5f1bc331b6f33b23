import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { compiledOnce, usualCompilers } from '../../src/messages/index.ts'
import { remember } from '../../src/schemas/remember.ts'
import type { Template } from '../../src/schemas/templates.ts'
import { checkMade, checkTemplates, facts, refusal, render, renderMessage, thrown } from './support.ts'

const smsRefusal = (body: string) => thrown(() => checkTemplates('smsTemplates', { appointment_reminder: body }))

/** Numbers, each of a style of its own: what weighs most when it is formatted. */
const heavy = (seed: number): string =>
  Array.from({ length: 20 }, (_, index) => {
    const places = '0'.repeat((index + seed) % 90)
    return `{duration_minutes, number, ::.0${places} scale/1${seed % 9}${index}}`
  }).join('\n')

test('a template of more than 500 elements is refused before anything of it is formatted', () => {
  expect(checkTemplates('emailTemplates', { appointment_reminder: '{date} '.repeat(250) })).toEqual([])
  expect(refusal('{date} '.repeat(251)).message).toContain('it has 502 parts')
  expect(refusal(`{duration_minutes, plural, other {${'#'.repeat(10_000)}}}`).message).toContain('it has 10001 parts')
  const nested = '{duration_minutes, plural, other {'.repeat(280)
  expect(refusal(`${nested}${'#'.repeat(300)}${'}}'.repeat(280)}`).message).toContain('it has 580 parts')
})

test('a text that is looked at several times by a check is compiled once', () => {
  const compiled: string[] = []
  const { draft } = usualCompilers
  const counted: typeof draft = (text, form) => {
    compiled.push(`${form}: ${text}`)
    return draft(text, form)
  }
  const compilers = compiledOnce({ ...usualCompilers, draft: counted })
  const variants = ['a', 'b', 'c'].map((kind) => ({ kind, subject: '{date}', body: '{>all}' }))
  for (let times = 0; times < 2; times++)
    checkMade({ appointment_reminder: { variants } }, { partials: { all: '{date}' }, compilers })
  expect(compiled.sort()).toEqual(['text:       ', 'text: {date}'])
})

test('texts that are more in all than others can wait for are refused', () => {
  const each = (count: number, body: string) => ({
    variants: Array.from({ length: count }, (_, index) => ({ kind: `k${index}`, body })),
  })
  const check =
    (appointment_reminder: Template, making = {}) =>
    () =>
      checkMade({ appointment_reminder }, making)
  const most = each(50, '{date} '.repeat(200))
  expect(check(most)).not.toThrow()
  expect(check({ ...most, body: '{date}' })).toThrow(
    'emailTemplates.appointment_reminder.variants[49].body, line 1, column 1: with those before it, and all that they name, it has more than 20000 parts',
  )
  const partials = { long: 'x'.repeat(20_000) }
  expect(check(each(26, '{>long}{>long}'), { partials })).toThrow(
    'variants[24].body, line 1, column 1: with those before it, and all that they name, it has more than 1000000 characters',
  )
})

test('a template that formats more numbers than it has is refused: making formats is what takes time', () => {
  const numbers = (count: number) => '{duration_minutes, number, ::.00}'.repeat(count)
  expect(checkTemplates('emailTemplates', { appointment_reminder: numbers(20) })).toEqual([])
  expect(refusal(numbers(21)).message).toContain('it formats 21 numbers')
})

test('an SMS that may have more than 1,600 characters is refused, whichever case of a plural has them', () => {
  expect(() => smsRefusal('x'.repeat(1600))).toThrow('nothing was thrown')
  expect(smsRefusal('x'.repeat(1601)).message).toContain('1601 characters')
  expect(smsRefusal(`{duration_minutes, plural, =7 {${'x'.repeat(1601)}} other {}}`).message).toContain('1600')
  expect(smsRefusal('{duration_minutes, number, ::scale/1e300}'.repeat(5)).message).toContain('1600')
})

test('a mail that may have more than 512 KB is refused', () => {
  expect(checkTemplates('emailTemplates', { appointment_reminder: '水'.repeat(170_000) })).toMatchObject([
    { code: 'mail_clipped' },
  ])
  expect(checkTemplates('emailTemplates', { appointment_reminder: '水'.repeat(33_000) })).toEqual([])
  expect(refusal('水'.repeat(175_000)).message).toContain('525000 bytes')
})

test('a template that becomes too long with these values is replaced by the built-in text', () => {
  const template = `{location}${'x'.repeat(1500)}`
  expect(render(template, { location: 'y'.repeat(100) }).templateRevision).toMatch(/^custom:/)
  const long = render(template, { location: 'y'.repeat(101) })
  expect(long.templateRevision).toBe('default:1')
  expect(long.text).toContain('2:00 PM')
})

test('what is remembered is bounded by its weight', () => {
  let made = 0
  const heaviest = remember({ maxBytes: 100, bytesOf: (value: number) => value }, (key: number) => {
    made += 1
    return key
  })
  for (const key of [30, 20, 30, 20]) heaviest(key)
  expect(made, 'both fit').toBe(2)
  for (const key of [60, 60]) heaviest(key)
  expect(made, 'too heavy to be kept').toBe(4)
  for (const key of [40, 30, 40]) heaviest(key)
  expect(made, 'those used last are kept').toBe(5)
  heaviest(20)
  expect(made, 'the others are made anew').toBe(6)
})

test('memory is flat over previews, each of another draft', { timeout: 120_000 }, () => {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  const preview = (seed: number) => {
    const draft = { appointment_reminder: `${heavy(seed)}${'{date} at {time} '.repeat(110)}${seed}` }
    checkTemplates('emailTemplates', draft)
    const told = facts({ locale: 'de' })
    renderMessage({ channel: 'EMAIL', facts: told, templates: draft, compile: usualCompilers.draft })
  }
  const memory = () => {
    if (typeof collect === 'function') collect()
    return process.memoryUsage().heapUsed / 2 ** 20
  }
  for (let seed = 0; seed < 100; seed += 1) preview(seed)
  const before = memory()
  for (let seed = 100; seed < 300; seed += 1) preview(seed)
  expect(memory() - before).toBeLessThan(15)
})
