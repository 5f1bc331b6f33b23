import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { AwsAnswer, AwsFault } from '../../support/aws-server.ts'
import { canaries, cleanUpAfterEach, contextFor, failure, type Name, names, opened, smsMessage } from './aws-fixture.ts'

cleanUpAfterEach()

/** The words of AWS repeat what was sent. */
const words = Object.values(canaries).join(' ')
const answers = (status: number, code?: string, reason?: string, more: Partial<AwsAnswer> = {}): AwsFault => ({
  at: 'request',
  how: { status, words, ...(code && { code }), ...(reason && { reason }), ...more },
})

type Row = readonly [fault: AwsFault, outcome: string, scope: string, code: string]

const ofBoth: readonly Row[] = [
  [{ at: 'request', how: 'drop' }, 'unknown', 'message', 'aws_connection_lost'],
  [{ at: 'accepted', how: 'drop' }, 'unknown', 'message', 'aws_connection_lost'],
  [{ at: 'accepted', how: 'drop-answer' }, 'unknown', 'message', 'aws_answer'],
  [{ at: 'request', how: 'silent' }, 'unknown', 'message', 'aws_timeout'],
  [{ at: 'accepted', how: 'silent' }, 'unknown', 'message', 'aws_timeout'],
  [{ at: 'accepted', how: { status: 200, body: `<p>${words}` } }, 'unknown', 'message', 'aws_answer'],
  [{ at: 'accepted', how: { status: 200, body: '' } }, 'unknown', 'message', 'aws_answer'],
  [{ at: 'accepted', how: { status: 307, body: '' } }, 'unknown', 'message', 'aws_answer'],
  [answers(502, undefined, undefined, { body: `<h1>${words}</h1>` }), 'unknown', 'message', 'aws_http_502'],
  [answers(503, undefined, undefined, { body: 'busy' }), 'transient', 'message', 'aws_http_503'],
  [answers(407, undefined, undefined, { body: 'proxy' }), 'transient', 'account', 'aws_http_407'],
  [answers(503, 'ServiceUnavailable'), 'transient', 'message', 'aws_service_unavailable'],
]

const ofEach: Record<Name, readonly Row[]> = {
  aws_sns: [
    [answers(429, 'Throttled'), 'transient', 'message', 'aws_throttled'],
    [answers(400, 'Throttling'), 'transient', 'message', 'aws_throttling'],
    [answers(400, 'InvalidParameter'), 'permanent', 'message', 'aws_invalid_parameter'],
    [answers(400, 'ParameterValueInvalid'), 'permanent', 'message', 'aws_invalid_parameter_value'],
    [answers(400, 'ValidationException'), 'permanent', 'message', 'aws_validation'],
    [answers(403, 'AuthorizationError'), 'transient', 'account', 'aws_authorization_error'],
    [answers(403, 'InvalidSecurity'), 'transient', 'account', 'aws_invalid_security'],
    [answers(403, 'SignatureDoesNotMatch'), 'transient', 'account', 'aws_signature_does_not_match'],
    [answers(403, 'ExpiredToken'), 'transient', 'account', 'aws_expired_token'],
    [answers(400, 'OptedOut'), 'suppressed', 'message', 'aws_opted_out'],
    [answers(400, 'SomethingNew'), 'permanent', 'message', 'aws_something_new'],
    [answers(403, 'SomethingNew'), 'transient', 'account', 'aws_something_new'],
    [answers(500, 'InternalError'), 'unknown', 'message', 'aws_internal_error'],
  ],
  aws_sms: [
    [answers(400, 'ThrottlingException'), 'transient', 'message', 'aws_throttling'],
    [
      answers(400, 'ConflictException', 'DESTINATION_PHONE_NUMBER_OPTED_OUT'),
      'suppressed',
      'message',
      'aws_destination_phone_number_opted_out',
    ],
    [
      answers(400, 'ConflictException', 'DESTINATION_PHONE_NUMBER_NOT_VERIFIED'),
      'permanent',
      'message',
      'aws_destination_phone_number_not_verified',
    ],
    [
      answers(400, 'ConflictException', 'DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE'),
      'permanent',
      'message',
      'aws_destination_phone_number_blocked_by_protect_nu',
    ],
    [
      answers(400, 'ConflictException', 'DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION'),
      'transient',
      'sender',
      'aws_destination_country_blocked_by_protect_configu',
    ],
    [
      answers(400, 'ConflictException', 'NO_ORIGINATION_IDENTITIES_FOUND'),
      'transient',
      'sender',
      'aws_no_origination_identities_found',
    ],
    [answers(400, 'ConflictException', 'RESOURCE_NOT_ACTIVE'), 'transient', 'account', 'aws_resource_not_active'],
    [answers(400, 'ConflictException', 'MESSAGE_TYPE_MISMATCH'), 'transient', 'account', 'aws_message_type_mismatch'],
    [
      answers(400, 'ValidationException', 'DESTINATION_COUNTRY_BLOCKED'),
      'transient',
      'sender',
      'aws_destination_country_blocked',
    ],
    [
      answers(400, 'ValidationException', 'SENDER_ID_REQUIRES_REGISTRATION'),
      'transient',
      'sender',
      'aws_sender_id_requires_registration',
    ],
    [
      answers(400, 'ValidationException', 'SENDER_ID_NOT_REGISTERED'),
      'transient',
      'account',
      'aws_sender_id_not_registered',
    ],
    [answers(400, 'ValidationException', 'PRICE_OVER_THRESHOLD'), 'permanent', 'message', 'aws_price_over_threshold'],
    [answers(400, 'ValidationException', 'INVALID_PARAMETER'), 'permanent', 'message', 'aws_invalid_parameter'],
    [answers(400, 'AccessDeniedException', 'ACCOUNT_DISABLED'), 'transient', 'account', 'aws_account_disabled'],
    [
      answers(400, 'AccessDeniedException', 'INSUFFICIENT_ACCOUNT_REPUTATION'),
      'transient',
      'account',
      'aws_insufficient_account_reputation',
    ],
    [answers(400, 'AccessDeniedException'), 'transient', 'account', 'aws_access_denied'],
    [
      answers(400, 'ServiceQuotaExceededException', 'MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT'),
      'transient',
      'account',
      'aws_monthly_spend_limit_reached_for_text',
    ],
    [answers(400, 'ServiceQuotaExceededException', 'SOMETHING_NEW'), 'transient', 'account', 'aws_something_new'],
    [answers(400, 'ResourceNotFoundException'), 'transient', 'account', 'aws_resource_not_found'],
    [answers(500, 'InternalServerException'), 'unknown', 'message', 'aws_internal_server'],
    // Of a refusal that cannot be read nothing is certain: throttling has the same status.
    [answers(400, undefined, undefined, { body: `<p>${words}` }), 'transient', 'message', 'aws_http_400'],
  ],
}

describe.each(names)('what became of a message by %s', (name) => {
  it.each([...ofBoth, ...ofEach[name]])('%j: %s, %s, %s', async (fault, outcome, scope, code) => {
    const timeoutMs = fault.how === 'silent' ? 150 : 5000
    const { api, transport } = await opened(name, { timeoutMs, ...(name === 'aws_sns' && { checkOptOuts: false }) })
    api.fault = fault
    const error = await failure(transport.send(smsMessage(), contextFor()))
    expect(error).toMatchObject({ outcome, scope, code })
    expect(error.destination).toBe(scope === 'sender' ? '+1415' : undefined)
    // The SDK repeated nothing.
    expect(api.requests).toHaveLength(1)
    const told = inspect(error, { depth: 9, showHidden: true })
    for (const canary of Object.values(canaries)) expect(told).not.toContain(canary)
    expect(error.cause).toBeUndefined()
  })

  it('tells how long to wait', async () => {
    const { api, transport } = await opened(name)
    api.fault = answers(429, 'ThrottlingException', undefined, { retryAfter: '7' })
    expect(await failure(transport.send(smsMessage(), contextFor()))).toMatchObject({ retryAfterMs: 7000 })
    api.fault = null
    await transport.send(smsMessage(), contextFor())
    expect(api.messages).toHaveLength(1)
  })

  it('is certain if the connection failed before the request', async () => {
    const { api, transport } = await opened(name)
    await api.close()
    const unreachable = { outcome: 'transient', scope: 'message', code: 'aws_unreachable' }
    const message = 'The connection to AWS failed before the request was sent (ECONNREFUSED).'
    expect(await failure(transport.send(smsMessage(), contextFor()))).toMatchObject({ ...unreachable, message })
    // With a certificate that nobody signed.
    const secure = await opened(name, {}, { tls: true })
    expect(await failure(secure.transport.send(smsMessage(), contextFor()))).toMatchObject(unreachable)
    expect(secure.api.requests).toEqual([])
  })

  it('is open if a connection that was kept fails', async () => {
    const { api, transport } = await opened(name)
    await transport.send(smsMessage(), contextFor())
    api.fault = { at: 'request', how: 'drop' }
    expect(await failure(transport.send(smsMessage(), contextFor()))).toMatchObject({ outcome: 'unknown' })
    expect(api.connections.total).toBe(1)
  })

  it('waits for a free connection no longer than for an answer, and has sent nothing then', async () => {
    const options = { maxConnections: 1, timeoutMs: 300, ...(name === 'aws_sns' && { checkOptOuts: false }) }
    const { api, transport } = await opened(name, options)
    api.fault = { at: 'accepted', how: 'silent' }
    const [first, second] = await Promise.all([1, 2].map(() => failure(transport.send(smsMessage(), contextFor()))))
    expect(first).toMatchObject({ outcome: 'unknown', code: 'aws_timeout' })
    expect(second).toMatchObject({ outcome: 'transient', code: 'aws_timeout' })
    expect(api.messages).toHaveLength(1)
  })

  it('ends with the signal, at once and for itself alone', async () => {
    const controller = new AbortController()
    const gate = Promise.withResolvers<void>()
    let waiting = 0
    const { transport } = await opened(
      name,
      {},
      {
        onMessage: () => {
          waiting += 1
          if (waiting === 2) controller.abort()
          return gate.promise
        },
      },
    )
    const other = transport.send(smsMessage(), contextFor())
    await expect.poll(() => waiting).toBe(1)
    const error = await failure(transport.send(smsMessage(), contextFor({ signal: controller.signal })))
    gate.resolve()
    expect(error).toMatchObject({ outcome: 'unknown', code: 'aws_aborted' })
    expect((await other).messageId).not.toBeNull()
    const before = await failure(transport.send(smsMessage(), contextFor({ signal: AbortSignal.abort() })))
    expect(before).toMatchObject({ outcome: 'transient', code: 'aws_aborted' })
  })
})
