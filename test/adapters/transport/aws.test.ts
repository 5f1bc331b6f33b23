import { afterEach, describe, expect, it, vi } from 'vitest'
import { awsSms } from '../../../adapters/transport/aws-sms.ts'
import { awsSns } from '../../../adapters/transport/aws-sns.ts'
import { isNotificationError } from '../../../src/index.ts'
import { transportConformance } from '../../conformance/transport/index.ts'
import { startAwsServer } from '../../support/aws-server.ts'
import {
  account,
  canaries,
  cleanUpAfterEach,
  contextFor,
  failure,
  keys,
  type Name,
  names,
  opened,
  smsMessage,
  transports,
} from './aws-fixture.ts'

cleanUpAfterEach()
afterEach(() => vi.unstubAllEnvs())

transportConformance({
  name: 'aws_sns',
  async open() {
    const api = await startAwsServer({ keys })
    const transport = awsSns({ endpoint: api.endpoint })
    return {
      // SNS carries no key of ours, so the text does.
      transport: {
        ...transport,
        send: (message, context) => transport.send({ ...message, text: message.idempotencyKey }, context),
      },
      channel: 'SMS',
      account: account({ provider: 'aws_sns' }),
      received: async () => api.messages.map(({ input }) => String(input['Message'])),
      refuse(words) {
        api.fault = { at: 'request', how: { status: 400, code: 'InvalidParameter', words } }
      },
      close: api.close,
    }
  },
})

transportConformance({
  name: 'aws_sms',
  async open() {
    const api = await startAwsServer({ keys })
    return {
      transport: awsSms({ endpoint: api.endpoint }),
      channel: 'SMS',
      account: account(),
      received: async () => api.messages.map(({ input }) => JSON.stringify(input['Context'])),
      refuse(words) {
        api.fault = { at: 'request', how: { status: 400, code: 'ValidationException', words } }
      },
      close: api.close,
    }
  },
})

const text = 'Mañana a las 9:00 & 50% 🙂\nClínica'

describe('a message by SNS', () => {
  const attributes = (input: Readonly<Record<string, unknown>>) =>
    [1, 2, 3].flatMap((number) => {
      const place = `MessageAttributes.entry.${number}`
      const name = input[`${place}.Name`]
      return name === undefined
        ? []
        : [[name, input[`${place}.Value.DataType`], input[`${place}.Value.StringValue`]].join(' ')]
    })

  it('arrives in the form that AWS documents, and is known by its id', async () => {
    const { api, transport } = await opened('aws_sns')
    const receipt = await transport.send(smsMessage({ text }), contextFor())
    expect(api.requests).toEqual(['CheckIfPhoneNumberIsOptedOut', 'Publish'])
    expect(api.messages).toMatchObject([
      { accessKeyId: canaries.accessKeyId, region: 'eu-west-1', input: { PhoneNumber: canaries.phone, Message: text } },
    ])
    expect(receipt).toEqual({ messageId: api.messages[0]?.id })
  })

  it.each([
    [null, []],
    ['+14155550100', ['AWS.MM.SMS.OriginationNumber String +14155550100']],
    ['72345', ['AWS.MM.SMS.OriginationNumber String 72345']],
    ['HARBOUR', ['AWS.SNS.SMS.SenderID String HARBOUR']],
  ])('is transactional, and from %j', async (from, sender) => {
    const { api, transport } = await opened('aws_sns')
    await transport.send(smsMessage({ from }), contextFor())
    expect(attributes(api.messages[0]?.input ?? {})).toEqual(['AWS.SNS.SMS.SMSType String Transactional', ...sender])
  })

  it('from a name that no carrier shows is refused before a request', async () => {
    const { api, transport } = await opened('aws_sns')
    const error = await failure(transport.send(smsMessage({ from: 'Harbour Inn' }), contextFor()))
    expect(error).toMatchObject({ scope: 'account', code: 'aws_sender' })
    expect(api.requests).toEqual([])
  })

  it('to somebody who opted out is not sent, since SNS would accept it and drop it', async () => {
    const { api, transport } = await opened('aws_sns')
    api.optedOut.add(canaries.phone)
    const error = await failure(transport.send(smsMessage(), contextFor()))
    expect(error).toMatchObject({ outcome: 'suppressed', scope: 'message', code: 'aws_opted_out' })
    expect(api.requests).toEqual(['CheckIfPhoneNumberIsOptedOut'])
    await transport.send(smsMessage({ to: '+14155550168' }), contextFor())
    expect(api.messages).toHaveLength(1)
  })

  it('is sent without that question where it is switched off', async () => {
    const { api, transport } = await opened('aws_sns', { checkOptOuts: false })
    api.optedOut.add(canaries.phone)
    await transport.send(smsMessage(), contextFor())
    expect(api.requests).toEqual(['Publish'])
  })

  it('was certainly not sent if that question has no answer', async () => {
    const { api, transport } = await opened('aws_sns', { timeoutMs: 200 })
    for (const how of ['drop', 'drop-answer', 'silent', { status: 500 }] as const) {
      api.fault = { at: 'ask', how }
      expect(await failure(transport.send(smsMessage(), contextFor()))).toMatchObject({ outcome: 'transient' })
    }
    expect(api.messages).toEqual([])
  })

  it('is of no use after its deadline', async () => {
    const { api, transport } = await opened('aws_sns')
    const now = new Date('2031-03-10T12:00:00Z')
    const context = contextFor({ now: () => now })
    expect(await failure(transport.send(smsMessage({ deadline: now }), context))).toMatchObject({
      code: 'aws_too_late',
    })
    await transport.send(smsMessage({ deadline: new Date(now.getTime() + 1) }), context)
    expect(api.messages).toHaveLength(1)
  })
})

describe('a message by End User Messaging', () => {
  it('arrives in the form that AWS documents, and is known by its id', async () => {
    const { api, transport } = await opened('aws_sms')
    const own = account({ configurationSet: 'appointments' })
    const receipt = await transport.send(smsMessage({ text }), contextFor({ account: own }))
    expect(api.requests).toEqual(['SendTextMessage'])
    expect(api.messages).toMatchObject([{ accessKeyId: canaries.accessKeyId, region: 'eu-west-1' }])
    expect(api.messages[0]?.input).toEqual({
      DestinationPhoneNumber: canaries.phone,
      OriginationIdentity: '+14155550100',
      MessageBody: text,
      MessageType: 'TRANSACTIONAL',
      ConfigurationSetName: 'appointments',
      Context: { notification: '7', key: 'delivery-1' },
    })
    expect(receipt).toEqual({ messageId: api.messages[0]?.id })
  })

  it("goes from the pool of the options by the host application's own account only, where that has no number", async () => {
    const { api, transport } = await opened('aws_sms', { originationIdentity: 'pool-1' })
    await transport.send(smsMessage({ from: null }), contextFor({ trusted: true }))
    await transport.send(smsMessage(), contextFor({ trusted: true }))
    await transport.send(smsMessage({ from: null }), contextFor())
    const identities = api.messages.map(({ input }) => input['OriginationIdentity'])
    expect(identities).toEqual(['pool-1', '+14155550100', undefined])
  })

  it('is kept by AWS no longer than it is of use, in whole seconds from 5 to 259,200', async () => {
    const { api, transport } = await opened('aws_sms')
    const now = new Date('2031-03-10T12:00:00Z')
    const sendBefore = (ms: number) =>
      transport.send(smsMessage({ deadline: new Date(now.getTime() + ms) }), contextFor({ now: () => now }))
    for (const ms of [5000, 90_999, 259_200_000, 7 * 86_400_000]) await sendBefore(ms)
    await transport.send(smsMessage({ deadline: null }), contextFor())
    const lives = api.messages.map(({ input }) => input['TimeToLive'])
    expect(lives).toEqual([5, 90, 259_200, 259_200, undefined])
    const late = { outcome: 'permanent', scope: 'message', code: 'aws_too_late' }
    for (const ms of [4999, 0, -5000]) expect(await failure(sendBefore(ms))).toMatchObject(late)
    expect(api.requests).toHaveLength(5)
  })
})

describe.each(names)('accounts of %s', (name) => {
  it('send with their own credentials and region over shared connections', async () => {
    const other = { AKIAOTHER00000000000: 'other-secret' }
    const { api, transport } = await opened(name, {}, { keys: { ...keys, ...other } })
    await transport.send(smsMessage(), contextFor())
    const second = account({ apiKey: 'AKIAOTHER00000000000', apiSecret: 'other-secret', region: 'us-gov-west-1' })
    await transport.send(smsMessage(), contextFor({ account: second, accountKey: 'account-2' }))
    await transport.send(smsMessage(), contextFor())
    const signers = api.messages.map(({ accessKeyId, region }) => `${accessKeyId} ${region}`)
    const own = `${canaries.accessKeyId} eu-west-1`
    expect(signers).toEqual([own, 'AKIAOTHER00000000000 us-gov-west-1', own])
    expect(api.connections.total).toBe(1)
  })

  it('with a wrong secret are refused by AWS', async () => {
    const { transport } = await opened(name)
    const error = await failure(
      transport.send(smsMessage(), contextFor({ account: account({ apiSecret: 'another' }) })),
    )
    expect(error).toMatchObject({ outcome: 'transient', scope: 'account' })
    expect(error.code).toMatch(/^aws_(?:signature_does_not_match|invalid_signature)$/)
  })

  it.each([
    ['aws_account', null],
    ['aws_account', account({ apiKey: null })],
    ['aws_account', account({ apiSecret: null })],
    ['aws_account', account({ apiKey: null, apiSecret: null })],
    ['aws_account', account({ apiKey: 'AKIA/../injected0000' })],
    ['aws_region', { channel: 'SMS', provider: 'aws_sms', apiKey: canaries.accessKeyId, apiSecret: 'x' } as const],
  ])('of organizations that lack something are refused before a request: %s', async (code, given) => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', canaries.accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', canaries.secretAccessKey)
    vi.stubEnv('AWS_REGION', 'eu-central-1')
    const { api, transport } = await opened(name)
    const error = await failure(transport.send(smsMessage(), contextFor({ account: given })))
    expect(error).toMatchObject({ outcome: 'permanent', scope: 'account', code })
    expect(api.requests).toEqual([])
  })

  it("of the host application's own may be what the process runs with", async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', canaries.accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', canaries.secretAccessKey)
    vi.stubEnv('AWS_REGION', 'eu-central-1')
    const { api, transport } = await opened(name)
    const ambient = { channel: 'SMS', provider: name, apiKey: null, apiSecret: null } as const
    await transport.send(smsMessage(), contextFor({ account: ambient, trusted: true }))
    expect(api.messages).toMatchObject([{ accessKeyId: canaries.accessKeyId, region: 'eu-central-1' }])
  })

  it.each([
    ['aws_credentials', 'eu-west-1'],
    ['aws_region', undefined],
  ])('say what the process lacks: %s', async (code, region) => {
    for (const variable of [
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_REGION',
      'AWS_DEFAULT_REGION',
      'AWS_PROFILE',
    ]) {
      vi.stubEnv(variable, undefined)
    }
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config')
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials')
    const { api, transport } = await opened(name)
    const ambient = {
      channel: 'SMS',
      provider: name,
      apiKey: null,
      apiSecret: null,
      ...(region && { region }),
    } as const
    const error = await failure(transport.send(smsMessage(), contextFor({ account: ambient, trusted: true })))
    expect(error).toMatchObject({ outcome: 'transient', scope: 'account', code })
    expect(api.requests).toEqual([])
  })

  it('are told by their settings what they lack', async () => {
    const { region: _, ...without } = account()
    const context = { signal: new AbortController().signal }
    expect(await transports[name]().inspect?.(account(), context)).toEqual([])
    expect(await transports[name]().inspect?.(without, context)).toMatchObject([{ field: 'region', isCertain: false }])
  })

  it('are checked without a message, and with no unknown outcome', async () => {
    const { api, transport } = await opened(name)
    await transport.verify?.(contextFor())
    expect(api.requests).toEqual([name === 'aws_sns' ? 'CheckIfPhoneNumberIsOptedOut' : 'DescribeAccountAttributes'])
    const impatient = transports[name]({ endpoint: api.endpoint, timeoutMs: 200 })
    for (const how of [{ status: 500 }, 'drop', 'drop-answer', 'silent'] as const) {
      api.fault = { at: 'ask', how }
      expect(await failure(impatient.verify?.(contextFor()))).toMatchObject({ outcome: 'transient' })
    }
    await impatient.close?.()
    api.fault = null
    const wrong = contextFor({ account: account({ apiSecret: 'another' }), accountKey: 'account-2' })
    expect(await failure(transport.verify?.(wrong))).toMatchObject({ scope: 'account' })
    expect(api.messages).toEqual([])
  })

  it('refuses options with which it would send nothing', () => {
    for (const endpoint of ['', 'sns.amazonaws.com', 'ftp://127.0.0.1']) {
      expect(() => transports[name]({ endpoint })).toThrow(expect.toSatisfy(isNotificationError))
    }
    for (const field of ['timeoutMs', 'concurrency', 'maxConnections']) {
      const message = `${name}: "${field}" must be a number of 1 or more.`
      expect(() => transports[name]({ [field]: 0 })).toThrow(
        expect.objectContaining({ code: 'options_invalid', message }),
      )
    }
  })

  it('close after the sends in progress, free the connections and refuse others', async () => {
    const gate = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    const onMessage = () => {
      arrived.resolve()
      return gate.promise
    }
    const { api, transport } = await opened(name, {}, { onMessage })
    const sending = transport.send(smsMessage(), contextFor())
    await arrived.promise
    const closing = transport.close?.()
    const refused = await failure(transport.send(smsMessage(), contextFor()))
    expect(refused).toMatchObject({ outcome: 'transient', code: 'aws_closed' })
    gate.resolve()
    expect((await sending).messageId).toBe(api.messages[0]?.id)
    await closing
    await expect.poll(() => api.connections.open).toBe(0)
  })
})

it.each([
  ['aws_sns', 'invalid_client_token_id'],
  ['aws_sms', 'unrecognized_client'],
] satisfies [Name, string][])('%s knows the names of errors that the SDK does not model', async (name, word) => {
  const { api, transport } = await opened(name)
  const code = name === 'aws_sns' ? 'InvalidClientTokenId' : 'UnrecognizedClientException'
  api.fault = { at: 'request', how: { status: 403, code } }
  expect(await failure(transport.send(smsMessage(), contextFor()))).toMatchObject({
    scope: 'account',
    code: `aws_${word}`,
  })
})
