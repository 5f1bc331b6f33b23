import { expect, it } from 'vitest'
import { understand } from '../../src/messages/inbound.ts'
import { corpus } from './inbound-corpus.ts'

const answers = Object.entries(corpus).flatMap(([meaning, languages]) =>
  Object.entries(languages).flatMap(([language, lines]) =>
    lines.split('\n').map((text) => ({ meaning, language, text })),
  ),
)

it('200 answers in many languages mean what people mean by them', () => {
  expect(answers.length).toBeGreaterThanOrEqual(200)
  expect(new Set(answers.map(({ language }) => language)).size).toBe(14)
  const wrong = answers.filter(({ text, meaning }) => understand(text).meaning !== meaning)
  expect(wrong.map((one) => ({ ...one, found: understand(one.text).meaning }))).toEqual([])
})

it('what may ask to cancel an appointment is marked, as an opt-out and in doubt', () => {
  for (const text of ['CANCEL', 'Annuler svp', 'please cancel my appointment on Tuesday', 'muszę odwołać wizytę']) {
    expect([text, understand(text).mayCancel]).toEqual([text, true])
  }
  for (const text of ['STOP', "I'll stop by at 3", 'OK'])
    expect([text, understand(text).mayCancel]).toEqual([text, false])
})

it('a text of any length and script is read, and what is long without such a word is no consent', () => {
  expect(understand('').meaning).toBe('other')
  expect(understand('a'.repeat(200_000)).meaning).toBe('other')
  expect(understand('退订').meaning).toBe('stop')
  expect(understand('수신거부').meaning).toBe('stop')
  expect(understand('СТОП, спасибо').meaning).toBe('stop')
  expect(understand('रोकें').meaning).toBe('stop')
  expect(understand('我想取消星期二的预约').meaning).toBe('doubt')
})
