import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { SendContext } from '../../../../src/index.ts'
import { certificate } from '../../../support/smtp-certificate.ts'
import { account, canaries, contextFor, emailMessage, failure } from './fixture.ts'
import type { Reaction } from './scripted-server.ts'
import { drivenTime, stage, until } from './stage.ts'

const { scripted, transport } = stage()
const { pass } = drivenTime()
const credentials = { username: canaries.username, password: canaries.password }
const said = Object.values(canaries).join(' ')

const faultNames = ['closing', 'later', 'never', 'garbage', 'unfinished', 'drop', 'silence'] as const
type FaultName = (typeof faultNames)[number]

/** What a server may do in place of the usual at any verb, naming all that it knows. */
const faults: Record<FaultName, Reaction> = {
  closing: `421 4.3.0 ${said}`,
  later: `450 4.2.0 ${said}`,
  never: `550 5.0.0 ${said}`,
  garbage: said,
  unfinished: `450 4.2.0 ${said}\0`,
  drop: 'drop',
  silence: 'silence',
}

type Outcome = 'account waits' | 'account refused' | 'message waits' | 'message refused' | 'unknown'
const everyFault = (outcome: Outcome): Record<FaultName, Outcome> => ({
  closing: outcome,
  later: outcome,
  never: outcome,
  garbage: outcome,
  unfinished: outcome,
  drop: outcome,
  silence: outcome,
})
const recipient: Record<FaultName, Outcome> = {
  ...everyFault('message waits'),
  closing: 'account waits',
  never: 'message refused',
}

/** The verbs of a dialogue, and the right outcome of each fault at them. */
const expected: Record<string, Record<FaultName, Outcome>> = {
  CONNECT: everyFault('account waits'),
  EHLO: everyFault('account waits'),
  STARTTLS: everyFault('account waits'),
  'EHLO after STARTTLS': everyFault('account waits'),
  AUTH: { ...everyFault('account waits'), never: 'account refused' },
  MAIL: { ...everyFault('account waits'), never: 'account refused' },
  RCPT: recipient,
  DATA: recipient,
  '.': { ...recipient, garbage: 'unknown', drop: 'unknown', silence: 'unknown' },
}

const names: Record<string, Outcome> = {
  'transient account': 'account waits',
  'permanent account': 'account refused',
  'transient message': 'message waits',
  'permanent message': 'message refused',
  'unknown message': 'unknown',
}

const options = { maxConnections: 1, requireTls: true, tls: { ca: certificate } }
/** The longest that the transport waits for anything. */
const patienceMs = 600_000

describe.each(['starttls', 'implicit', 'starttls and pipelining'] as const)('a server with %s', (kind) => {
  const tls = kind === 'implicit' ? 'implicit' : 'starttls'
  const extensions = ['AUTH PLAIN LOGIN', ...(kind === 'starttls and pipelining' ? ['PIPELINING'] : [])]
  const contextOf = (port: number): SendContext =>
    contextFor(port, {
      account: account(port, { host: 'localhost', ...credentials, ...(tls === 'implicit' && { security: tls }) }),
    })
  const cases = Object.entries(expected)
    .filter(([verb]) => tls === 'starttls' || !verb.includes('STARTTLS'))
    .flatMap(([verb, outcomes]) => faultNames.map((fault) => [verb, fault, outcomes[fault]] as const))

  it.each(cases)(
    'at %s: %s is %s, nothing is sent twice, and after the fault all goes on',
    async (verb, fault, outcome) => {
      let isIll = true
      let hellos = 0
      let isMet = false
      const server = await scripted(
        (command) => {
          if (command === 'CONNECT') hellos = 0
          // A client whose EHLO is refused tries HELO.
          const asked = command === 'HELO' ? 'EHLO' : command
          if (asked === 'EHLO') hellos += 1
          const isSecond = asked === 'EHLO' && tls === 'starttls' && hellos > 1
          if (!isIll || verb !== (isSecond ? 'EHLO after STARTTLS' : asked)) return undefined
          isMet = true
          return faults[fault]
        },
        { tls, extensions },
      )
      const sender = transport(options)
      const failing = failure(sender.send(emailMessage(), contextOf(server.port)))
      if (fault === 'silence') {
        await until(() => isMet)
        await pass(patienceMs)
      }
      const error = await failing
      expect([names[`${error.outcome} ${error.scope}`], error.code]).toEqual([outcome, expect.stringMatching(/^smtp_/)])
      for (const canary of Object.values(canaries)) expect(inspect(error, { depth: 9 })).not.toContain(canary)
      expect(server.accepted).toBe(0)

      isIll = false
      await sender.send(emailMessage({ idempotencyKey: 'after' }), contextOf(server.port))
      expect(server.accepted).toBe(1)
      expect(server.heard.filter((command) => command === '.')).toHaveLength(verb === '.' ? 2 : 1)
    },
  )
})
