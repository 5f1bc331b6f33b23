/** Whose account reports, and what an unsigned request costs. */
import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { twilio } from '../../adapters/transport/twilio.ts'
import { ada, openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'
import { spentMs } from '../support/spent.ts'
import { startTwilioServer } from '../support/twilio-server.ts'

const publicUrl = 'https://clinic.example/n'
const own = {
  smsProvider: 'twilio',
  smsApiKey: `AC${'1'.repeat(32)}`,
  smsApiSecret: 'own',
  smsFromNumber: '+14155550100',
}
const hosts = { key: `AC${'9'.repeat(32)}`, secret: 'hosts' }
const env = {
  DEFAULT_SMS_PROVIDER: 'twilio',
  DEFAULT_SMS_API_KEY: hosts.key,
  DEFAULT_SMS_API_SECRET: hosts.secret,
  DEFAULT_SMS_FROM_NUMBER: '+14155550999',
}

/** An organization whose text was sent, by its own account or the host's, and another one that sends by the host's. */
async function texted({ byOwn }: { readonly byOwn: boolean }) {
  const provider = await startTwilioServer()
  const transports = [twilio({ baseUrl: provider.baseUrl })]
  const clinic = await openClinic('2031-03-10T12:00:00.000Z', { transports, env, publicUrl })
  await clinic.settings.createOrganizationSettings(organizationId, { smsEnabled: true, ...(byOwn ? own : {}) })
  await clinic.settings.createOrganizationSettings(otherOrganizationId, { smsEnabled: true })
  await clinic.start()
  const book = (id: number, organization: string) =>
    clinic.host.book({
      ...{ id, organizationId: organization, startsAt: '2031-03-20T12:00:00Z' },
      recipients: [{ ...ada, id, email: null }],
    })
  const confirm = (id: number) =>
    clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION', channel: 'SMS' })
  book(1, organizationId)
  book(2, otherOrganizationId)
  await confirm(1)
  await expect.poll(() => clinic.settle().then(() => provider.messages.length)).toBe(1)
  await expect.poll(async () => (await clinic.notifications.history({ state: 'settled' })).notifications.length).toBe(1)
  const [text] = provider.messages
  const callback = text?.statusCallback ?? ''
  async function report(form: string, signature: string) {
    const url = new URL(callback)
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature }
    const answer = await clinic.handle({
      ...{ method: 'POST', path: url.pathname.replace('/n', ''), query: url.search.slice(1), native: {}, headers },
      readBody: async () => ({ kind: 'bytes', bytes: Buffer.from(form) }),
    })
    return answer.status
  }
  return {
    ...clinic,
    report,
    /** That the person answered STOP to the sender of the text. */
    stopped: () => {
      const account = byOwn ? [own.smsApiKey, own.smsApiSecret] : [hosts.key, hosts.secret]
      const form = {
        AccountSid: account[0] ?? '',
        ErrorCode: '21610',
        MessageSid: text?.sid ?? '',
        MessageStatus: 'failed',
        To: ada.phone ?? '',
      }
      const signed = Object.entries(form).reduce((all, [name, value]) => `${all}${name}${value}`, callback)
      const signature = createHmac('sha1', account[1] ?? '')
        .update(signed)
        .digest('base64')
      return report(new URLSearchParams(form).toString(), signature)
    },
    /** Why the other organization sends nothing to the person. */
    omitted: async () => (await confirm(2)).omitted.map(({ rule }) => rule),
    async [Symbol.asyncDispose]() {
      await clinic[Symbol.asyncDispose]()
      await provider.close()
    },
  }
}

it('a STOP to an account that the organization has no more binds nobody else', async () => {
  await using clinic = await texted({ byOwn: true })
  const none = { smsProvider: null, smsApiKey: null, smsApiSecret: null, smsFromNumber: null }
  await clinic.settings.updateOrganizationSettings(organizationId, none)
  expect(await clinic.stopped()).toBe(200)
  expect(await clinic.omitted()).toEqual([])
})

it("a STOP to the host's sender binds everybody who sends by it, also after the organization got an account of its own", async () => {
  await using clinic = await texted({ byOwn: false })
  await clinic.settings.updateOrganizationSettings(organizationId, own)
  expect(await clinic.stopped()).toBe(200)
  expect(await clinic.omitted()).toEqual(['suppressed'])
})

it('a form of many fields is refused before anything is made of them', async () => {
  await using clinic = await texted({ byOwn: true })
  const began = spentMs()
  const many = Array.from({ length: 200_000 }, (_, index) => `f${index}=`).join('&')
  expect(await clinic.report(many, 'x')).toBe(401)
  expect(spentMs() - began).toBeLessThan(5000)
})
