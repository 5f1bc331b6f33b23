/** One app at Meta, one callback URL, and several numbers that send by it: whose message a report is about. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { whatsappCloud } from '../../adapters/transport/whatsapp-cloud.ts'
import { ada, openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'
import { startWhatsAppServer } from '../support/whatsapp-server.ts'

const numbers: Readonly<Record<string, string>> = {
  [organizationId]: '106540352242922',
  [otherOrganizationId]: '200000000000002',
}
const confirmation = { language: 'en', name: 'confirmed', body: 'Confirmed: {{1}}.', variables: ['date'] }
const part = {
  enabled: true,
  categories: ['CONFIRMATION' as const],
  approvedTemplates: { appointment_confirmation: [confirmation] },
}

/** Two organizations, each with a number of its own, and one message of each. */
async function texted(secrets: Readonly<Record<string, string>>) {
  const api = await startWhatsAppServer()
  const clinic = await openClinic('2031-03-10T12:00:00.000Z', { transports: [whatsappCloud({ baseUrl: api.baseUrl })] })
  for (const [id, organization] of Object.keys(numbers).entries()) {
    const account = { apiKey: numbers[organization], apiSecret: 'token', appSecret: secrets[organization] }
    const whatsapp = { ...part, account: { provider: 'whatsapp-cloud', ...account } }
    await clinic.settings.createOrganizationSettings(organization, { channels: { whatsapp } })
    const recipients = [{ ...ada, id: id + 1 }]
    clinic.host.book({ id: id + 1, organizationId: organization, startsAt: '2031-03-20T12:00:00Z', recipients })
    await clinic.settings.createPreferences(
      { type: 'PATIENT', id: id + 1 },
      { channels: { whatsapp: { enabled: true } } },
    )
  }
  await clinic.start()
  for (const id of [1, 2]) {
    await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION', channel: 'WHATSAPP' })
    await expect.poll(() => clinic.settle().then(() => api.messages.length)).toBe(id)
  }
  const rows = async () => {
    const { notifications } = await clinic.notifications.history({ state: 'settled', channel: 'WHATSAPP' })
    return notifications.toSorted((one, other) => one.id - other.id)
  }
  await expect.poll(async () => (await rows()).length).toBe(2)
  const { accounts } = (await clinic.settings.effectiveSettings(organizationId)).channels.WHATSAPP ?? { accounts: [] }
  const accountId = accounts[0]?.accountId
  return {
    ...clinic,
    api,
    rows,
    states: async () => (await rows()).map(({ status }) => status),
    /** Posts statuses of messages, each by the number that sent it, to the URL of the first organization's account. */
    report(status: string, sent: typeof api.messages, secret: string, more: object = {}) {
      const values = sent.map(({ id, path, biz_opaque_callback_data }) => ({
        metadata: { phone_number_id: path.split('/')[2] },
        statuses: [{ id, status, timestamp: '1931000000', biz_opaque_callback_data, ...more }],
      }))
      return this.post(values, secret)
    },
    async post(values: readonly object[], secret: string) {
      const changes = values.map((value) => ({ field: 'messages', value }))
      const body = Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '1', changes }] }))
      const mac = createHmac('sha256', secret).update(body).digest('hex')
      const answer = await clinic.handle({
        ...{ method: 'POST', path: `/webhooks/whatsapp-cloud/${accountId}`, query: '', native: null },
        headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${mac}` },
        readBody: async () => ({ kind: 'bytes', bytes: body }),
      })
      return answer.status
    },
    async [Symbol.asyncDispose]() {
      await clinic[Symbol.asyncDispose]()
      await api.close()
    },
  }
}

const ofOneApp = { [organizationId]: 'app', [otherOrganizationId]: 'app' }

it('reports on every number of the app count, also those on other numbers alone', async () => {
  await using clinic = await texted(ofOneApp)
  expect(await clinic.report('delivered', clinic.api.messages, 'app')).toBe(200)
  expect(await clinic.states()).toEqual(['DELIVERED', 'DELIVERED'])
  const [, second] = await clinic.rows()
  expect(await clinic.report('read', clinic.api.messages.slice(1), 'app')).toBe(200)
  expect((await clinic.rows())[1]).toMatchObject({ id: second?.id, deliveryDetail: { read: expect.any(Date) } })
})

it('a number of another app is not spoken for, whoever signs', async () => {
  await using clinic = await texted({ ...ofOneApp, [otherOrganizationId]: 'app of the other' })
  expect(await clinic.report('failed', clinic.api.messages, 'app')).toBe(200)
  expect(await clinic.states()).toEqual(['FAILED', 'SENT'])
  expect(await clinic.report('failed', clinic.api.messages, 'app of the other')).toBe(401)
  expect(await clinic.states()).toEqual(['FAILED', 'SENT'])
})

it('a report that names a message of the other number as its own changes nothing', async () => {
  await using clinic = await texted(ofOneApp)
  const [own, other] = clinic.api.messages
  const lie = { ...own, id: other?.id ?? '', biz_opaque_callback_data: other?.biz_opaque_callback_data }
  expect(await clinic.report('failed', [Object.assign({}, own, lie)], 'app')).toBe(200)
  expect(await clinic.states()).toEqual(['SENT', 'SENT'])
})

it('what another program sends along by the same number names no message of ours', async () => {
  await using clinic = await texted(ofOneApp)
  const [own] = clinic.api.messages
  const [row] = await clinic.rows()
  // Meta waits for a second look at what is not known by its id.
  for (const data of [`${row?.id}`, `${row?.id}:other-key`, '9007199254740991:key']) {
    const foreign = { id: 'wamid.foreign', biz_opaque_callback_data: data }
    let status = 0
    const asked = clinic.report('read', own === undefined ? [] : [own], 'app', foreign).then((answer) => {
      status = answer
    })
    await expect.poll(() => clinic.clock.advance(500).then(() => status)).toBe(200)
    await asked
  }
  expect(await clinic.states()).toEqual(['SENT', 'SENT'])
})

it('a number goes on being reported on after the account got another', async () => {
  await using clinic = await texted(ofOneApp)
  const account = { provider: 'whatsapp-cloud', apiKey: '300000000000003', apiSecret: 'next-token', appSecret: 'app' }
  const whatsapp = { ...part, account }
  await clinic.settings.updateOrganizationSettings(organizationId, { channels: { whatsapp } })
  expect(await clinic.report('read', clinic.api.messages.slice(0, 1), 'app')).toBe(200)
  expect(await clinic.states()).toEqual(['DELIVERED', 'SENT'])
})

describe('what people write to another number of the app', () => {
  const from = ada.phone.replace('+', '')
  const stop = (number: string | undefined, id = 'wamid.stop', sender = from) => ({
    metadata: { phone_number_id: number },
    messages: [{ from: sender, id, type: 'text', timestamp: '1931000000', text: { body: 'STOP' } }],
  })
  const reasonsOf = async ({ settings }: Awaited<ReturnType<typeof texted>>) =>
    Promise.all(
      [1, 2].map(async (id) => {
        const { decisions } = await settings.effectivePreferences({ type: 'PATIENT', id })
        const one = decisions.find(({ channel, category }) => channel === 'WHATSAPP' && category === 'CONFIRMATION')
        return one?.reasons.includes('suppressed')
      }),
    )

  const leftOut = ({ log }: Awaited<ReturnType<typeof texted>>) => log.lines.filter((line) => line.includes('left out'))

  it('is heard for the account of that number, once', async () => {
    await using clinic = await texted(ofOneApp)
    for (let count = 0; count < 2; count += 1) {
      expect(await clinic.post([stop(numbers[otherOrganizationId])], 'app')).toBe(200)
    }
    expect(await reasonsOf(clinic)).toEqual([false, true])
    expect(leftOut(clinic)).toEqual([])
  })

  it('is logged, without who wrote what, where no account of ours has the number, or another app signs for it', async () => {
    await using clinic = await texted({ ...ofOneApp, [otherOrganizationId]: 'app of the other' })
    const foreign = [
      stop(numbers[otherOrganizationId]),
      stop('999', 'wamid.2'),
      stop('999', 'wamid.3', '4915112345678'),
    ]
    expect(await clinic.post(foreign, 'app')).toBe(200)
    expect(await reasonsOf(clinic)).toEqual([false, false])
    expect(leftOut(clinic)).toEqual([expect.stringContaining('"count":3')])
    expect(clinic.log.lines.join()).not.toMatch(new RegExp(`STOP|${from}|4915112345678`))
  })
})
