import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { readEnvironment as readClinic } from '../../examples/clinic/environment.ts'
import { readEnvironment as readTaskManager } from '../../examples/task-manager/environment.ts'

const elsewhere = ['0.0.0.0', '::', '192.168.1.7', 'clinic.example', '127.evil.example']
const here = ['', '127.0.0.1', '127.1.2.3', 'localhost', '::1']

it.each(elsewhere)('the clinic does not listen on %s with a token that everybody knows', (HOST) => {
  expect(() => readClinic({ HOST })).toThrow(/CLINIC_TOKEN/)
  expect(() => readClinic({ HOST, CLINIC_TOKEN: '' })).toThrow(/CLINIC_TOKEN/)
  expect(readClinic({ HOST, CLINIC_TOKEN: 'own' }).CLINIC_TOKEN).toBe('own')
})

it.each(elsewhere)('the stand-in of TaskManager does not listen on %s without a token', (HOST) => {
  expect(() => readTaskManager({ HOST })).toThrow(/TASK_MANAGER_TOKEN/)
  expect(readTaskManager({ HOST, TASK_MANAGER_TOKEN: 'own' }).TASK_MANAGER_TOKEN).toBe('own')
})

it.each(here)('on this machine (%j) both run without one', (HOST) => {
  expect(readClinic({ HOST }).CLINIC_TOKEN).toBe('clinic-demo-token')
  expect(readTaskManager({ HOST }).TASK_MANAGER_TOKEN).toBeNull()
})

it('compose.yaml publishes to this machine alone, and knows no token', () => {
  const compose = readFileSync(new URL('../../examples/compose.yaml', import.meta.url), 'utf8')
  const published = [...compose.matchAll(/^ +- "(.*:\d+)"$/gm)].map(([, port = '']) => port)
  expect(published).toHaveLength(3)
  for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
  const tokens = [...compose.matchAll(/^ +- (\w*(?:TOKEN|KEY))=(.*)$/gm)]
  expect(tokens).toHaveLength(4)
  for (const [line, name, value] of tokens) expect([line, value?.startsWith(`\${${name}:?`)]).toEqual([line, true])
})
