import { describe, expect, it } from 'vitest'
import { capture } from '../../../adapters/transport/capture.ts'
import { consoleTransport } from '../../../adapters/transport/console.ts'
import { TransportError } from '../../../src/index.ts'
import { contextFor, emailMessage, failure } from './smtp/fixture.ts'

const context = contextFor(0, { account: null })

describe('console', () => {
  const printed = async (message = emailMessage(), showContent?: boolean) => {
    let out = ''
    const write = (text: string) => {
      out += text
    }
    await consoleTransport({ write, ...(showContent !== undefined && { showContent }) }).send(message, context)
    return out
  }

  it('prints one line with the address masked, and nothing of the content', async () => {
    expect(await printed()).toBe('EMAIL REMINDER to c***@example.org (delivery-1)\n')
    expect(await printed(emailMessage({ channel: 'SMS', to: '+14155550167' }))).toBe(
      'SMS REMINDER to +1***67 (delivery-1)\n',
    )
    expect(await printed(emailMessage({ to: '+12' }))).toBe('EMAIL REMINDER to *** (delivery-1)\n')
  })

  it('prints everything when asked to', async () => {
    expect(await printed(emailMessage({ text: 'one\ntwo' }), true)).toBe(
      'EMAIL REMINDER to canary.patient@example.org (delivery-1)\n    canary subject\n    \n    one\n    two\n',
    )
  })

  it('does not let a message command the terminal', async () => {
    const tainted = emailMessage({ to: 'a\x1b[2J@example.org\n', subject: 'x\x1b]0;y\x07\r\n', text: 'a\x1b[31m\r\nb' })
    for (const out of [await printed(tainted), await printed(tainted, true)]) {
      expect(out.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    }
    expect((await printed(tainted)).split('\n')).toHaveLength(2)
  })
})

describe('capture', () => {
  it('keeps what was sent, dated, until cleared', async () => {
    const at = new Date('2026-03-01T09:00:00Z')
    const outbox = capture({ clock: { now: () => at } })
    const { sent } = outbox
    await outbox.send(emailMessage(), context)
    expect(sent).toEqual([{ ...emailMessage(), at }])
    outbox.clear()
    expect(sent).toEqual([])
  })

  it('fails where told to, and keeps nothing then', async () => {
    const told = new TransportError('told to fail', { outcome: 'unknown', code: 'told' })
    const outbox = capture({ fail: ({ to }) => (to.startsWith('canary') ? told : null) })
    expect(await failure(outbox.send(emailMessage(), context))).toBe(told)
    await outbox.send(emailMessage({ to: 'other@example.org' }), context)
    expect(outbox.sent.map(({ to }) => to)).toEqual(['other@example.org'])
  })
})
