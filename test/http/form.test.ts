import { expect, it } from 'vitest'
import { SentForm } from '../../src/http/form.ts'

it('reads a field that comes thousands of times at once: whoever sends it need not have a link', () => {
  const began = process.threadCpuUsage().user
  const form = new SentForm(Array.from({ length: 30_000 }, (_, index) => ['a', String(index)]))
  expect(form.one('a')).toBe('0')
  expect(form.all('a')).toHaveLength(30_000)
  expect((process.threadCpuUsage().user - began) / 1000).toBeLessThan(200)
})
