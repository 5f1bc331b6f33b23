import { describe, expect, it } from 'vitest'
import { hasSmtpSink, startSmtpSink } from '../../../support/smtp-sink.ts'
import { contextFor, emailMessage, failure } from './fixture.ts'
import { stage } from './stage.ts'

const { cleanups, transport } = stage()

async function sink(...faults: readonly string[]) {
  const made = await startSmtpSink(...faults)
  cleanups.push(made.stop)
  return made
}

const messageIds = (mails: readonly string[]) =>
  mails.map((mail) => /^Message-ID: <(.*)@example\.com>/im.exec(mail)?.[1] ?? '').toSorted()
const keys = (count: number) => Array.from({ length: count }, (_, index) => `message-${1000 + index}`)

describe.skipIf(!hasSmtpSink)("Postfix's smtp-sink", () => {
  it.each([[[]], [['-p']], [['-e']], [['-8', '-E', '-N']]])('with %j gets every message once', async (faults) => {
    const { port, mails } = await sink(...faults)
    const sender = transport({ maxConnections: 4 })
    const send = (idempotencyKey: string) => sender.send(emailMessage({ idempotencyKey }), contextFor(port))
    await Promise.all(keys(60).map(send))
    await sender.close?.()
    const received = await mails()
    expect(messageIds(received)).toEqual(keys(60))
    for (const mail of received) expect(mail).toMatch(/^X-Helo-Args: [\w-]+\.[\w.-]+$/m)
  })

  it.each([
    // Refused for good, for now, and with 421: -f, -r and -Q of smtp-sink(1).
    ['-f', 'CONNECT', 'account transient'],
    ['-f', 'MAIL', 'account permanent'],
    ['-f', 'RCPT', 'message permanent'],
    ['-f', 'DATA', 'message permanent'],
    ['-f', '.', 'message permanent'],
    ['-r', 'CONNECT', 'account transient'],
    ['-r', 'MAIL', 'account transient'],
    ['-r', 'RCPT', 'message transient'],
    ['-r', 'DATA', 'message transient'],
    ['-r', '.', 'message transient'],
    ['-Q', 'CONNECT', 'account transient'],
    ['-Q', 'EHLO', 'account transient'],
    ['-Q', 'MAIL', 'account transient'],
    ['-Q', 'RCPT', 'account transient'],
    ['-Q', 'DATA', 'account transient'],
    ['-Q', '.', 'account transient'],
    // Disconnects without a word.
    ['-q', 'CONNECT', 'account transient'],
    ['-q', 'EHLO', 'account transient'],
    ['-q', 'MAIL', 'account transient'],
    ['-q', 'RCPT', 'message transient'],
    ['-q', 'DATA', 'message transient'],
    ['-q', '.', 'message unknown'],
  ])('with %s %s: %s', async (kind, verb, outcome) => {
    const { port, mails } = await sink(kind, verb)
    const error = await failure(transport({ maxConnections: 1 }).send(emailMessage(), contextFor(port)))
    expect(`${error.scope} ${error.outcome}`).toBe(outcome)
    expect((await mails()).length).toBeLessThanOrEqual(1)
  })

  it.each([
    ['550 5.1.1 nobody', 'message permanent smtp_5.1.1'],
    ['550 5.4.5 daily quota', 'account transient smtp_5.4.5'],
    ['553 5.7.1 Sender address rejected: not owned', 'account permanent smtp_5.7.1'],
    ['552 5.2.2 full', 'message transient smtp_5.2.2'],
  ])('that answers %s to RCPT: %s', async (reply, outcome) => {
    const { port } = await sink('-f', 'RCPT', '-B', reply)
    const error = await failure(transport().send(emailMessage(), contextFor(port)))
    expect(`${error.scope} ${error.outcome} ${error.code}`).toBe(outcome)
  })

  it('that refuses in the middle of the content has not got it', async () => {
    const { port, mails } = await sink('-A', '0')
    const error = await failure(transport().send(emailMessage(), contextFor(port)))
    // It answers 550 and is gone: seen first is its answer, or the lost connection, before or after the content was written to it.
    expect(error.scope).toBe('message')
    expect(['smtp_550', 'smtp_connection', 'smtp_socket']).toContain(error.code)
    expect(await mails()).toEqual([])
  })
})
