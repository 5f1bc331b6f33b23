import { randomUUID } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OutboundMessage, SendContext, Transport } from '../../src/index.ts'
import { root } from '../package/manifest.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'

/** What a commit that adds a channel writes: its file, its name, and its line. Its transport is the one below. */
async function addChannel(folder: string): Promise<void> {
  const file = await readFile(join(root, 'test/channels/pager.ts'), 'utf8')
  const moved = file.replaceAll('../../src/channels/', './').replaceAll('../../src/', '../')
  await writeFile(join(folder, 'src/channels/pager.ts'), moved)
  const extend = async (name: string, place: string | RegExp, by: string) => {
    const path = join(folder, 'src/channels', name)
    const list = await readFile(path, 'utf8')
    const added = list.replace(place, by)
    expect(added).not.toBe(list)
    await writeFile(path, added)
  }
  await extend('names.ts', /const names = \[(.+)\]/, "const names = [$1, 'PAGER']")
  await extend('index.ts', /const definitions = \{ (.+) \}/, 'const definitions = { $1, PAGER: pager }')
  await extend('index.ts', 'import { sms }', "import { pager } from './pager.ts'\nimport { sms }")
}

describe('a channel more is a file, a name, a line, and a transport', () => {
  let folder: string
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
    folder = await mkdtemp(join(tmpdir(), 'channel-more-'))
    for (const part of ['package.json', 'src', 'adapters', 'test/support', 'test/conformance']) {
      await cp(join(root, part), join(folder, part), { recursive: true })
    }
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await addChannel(folder)
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** The library as that commit makes it. */
  const library = async () => {
    const at = <Part extends string>(part: Part) => join(folder, part)
    const src: typeof import('../../src/index.ts') = await import(at('src/index.ts'))
    const world: typeof import('../conformance/http/world.ts') = await import(at('test/conformance/http/world.ts'))
    const pg: typeof import('../../adapters/storage/postgres.ts') = await import(at('adapters/storage/postgres.ts'))
    const env: typeof import('../../src/environment.ts') = await import(at('src/environment.ts'))
    const { capture }: typeof import('../../adapters/transport/capture.ts') = await import(
      at('adapters/transport/capture.ts')
    )
    return { ...src, ...world, ...pg, ...env, capture }
  }

  /** An organization with mail and text messages, in a process that can page too. */
  async function openHarbour(kind = 'sqlite') {
    const { openWorld, ask, admin, postgres, capture } = await library()
    const pages: (Pick<OutboundMessage, 'to' | 'from' | 'text'> & Pick<SendContext, 'account' | 'trusted'>)[] = []
    const beeper = {
      name: 'beeper',
      channels: ['PAGER'],
      needsAccount: true,
      async send({ to, from, text }: OutboundMessage, { account, trusted }: SendContext) {
        pages.push({ to, from, text, account, trusted })
        return { messageId: `page-${pages.length}` }
      },
    }
    const outbox = { ...capture(), channels: ['EMAIL', 'SMS'] } as const
    const schema = `channel_more_${randomUUID().slice(0, 8)}`
    const world = await openWorld({
      bare: true,
      transports: [outbox, servesPages(beeper)],
      ...(kind === 'postgres' ? { storage: postgres({ url: server.url, schema }) } : {}),
    })
    const request = async (method: string, path: string, body?: unknown) =>
      (await ask(world, { method, path, body, caller: admin })).answer
    const { organization_id: id, patient_id: patient, appointment_id: appointment } = world.own
    return { ...world, pages, request, id, patient, appointment, [Symbol.asyncDispose]: world[Symbol.asyncDispose] }
  }

  const station = { enabled: true, reminders: [3], account: { station: 'north', token: 'sesame', call_sign: ' hc ' } }

  it.each(['sqlite', 'postgres'])('it is set, planned, sent, listed, counted and forgotten on %s', async (kind) => {
    await using harbour = await openHarbour(kind)
    const { request, id, patient, appointment, pages } = harbour
    await harbour.start()

    // Nobody hears of it until settings have it.
    const before = JSON.stringify([
      await request('GET', `/debug/effective-settings/${id}`),
      await request('GET', `/debug/preferences/${patient}`),
      await request('GET', `/statistics?organization_id=${id}`),
      await harbour.notifications.scheduleReminders(Number(appointment)),
    ])
    expect(before).not.toContain('PAGER')

    const shown = { enabled: true, reminders: [3], templates: {}, account: { ...station.account, call_sign: 'HC' } }
    const masked = { ...shown, account: { ...shown.account, token: '********' } }
    expect(await request('POST', '/settings/', { channels: { pager: station } })).toMatchObject({
      channels: { pager: masked },
      email_enabled: true,
    })
    expect(await request('PUT', `/settings/${id}`, { channels: { pager: masked } })).toMatchObject({
      channels: { pager: masked },
    })
    expect(await request('GET', `/debug/effective-settings/${id}`)).toMatchObject({
      channels: { PAGER: { enabled: true, provider: 'beeper', source: 'organization', fault: null } },
    })

    // It needs the person's own consent, and an address.
    const reminderOf = async () =>
      (await harbour.notifications.plan(Number(appointment))).omitted.find(
        ({ channel, recipient }) => channel !== undefined && isPager(channel) && recipient?.type === 'PATIENT',
      )
    expect(await reminderOf()).toMatchObject({ rule: 'no_consent' })
    expect(
      await request('PUT', `/preferences/patient/${patient}`, { channels: { pager: { address: '55-12' } } }),
    ).toMatchObject({ channels: { pager: { enabled: null, reminders: null, address: '5512' } } })
    expect(await reminderOf()).toMatchObject({ rule: 'no_consent' })
    expect(
      await request('PUT', `/preferences/patient/${patient}`, { channels: { pager: { enabled: true } } }),
    ).toMatchObject({
      channels: { pager: { enabled: true, reminders: null, address: '5512' } },
    })
    expect(await reminderOf()).toBeUndefined()

    await harbour.notifications.scheduleReminders(Number(appointment))
    // Three hours before the start, and a little more.
    await harbour.clock.advance(Date.parse('2024-09-25T15:31:00Z') - harbour.clock.now().getTime())
    const history = () => request('GET', `/history/?organization_id=${id}&notification_type=PAGER`)
    await expect.poll(history).toMatchObject({
      notifications: [
        {
          notification_type: 'PAGER',
          status: 'SENT',
          provider: 'beeper',
          recipient_email: null,
          recipient_phone: null,
        },
      ],
    })
    expect(pages).toMatchObject([
      { to: '5512', from: 'HC', account: { channel: 'PAGER', station: 'north', token: 'sesame' }, trusted: false },
    ])
    expect(pages[0]?.text).toMatch(/^HARBOUR CLINIC: REMINDER OF YOUR APPOINTMENT/)
    expect(await request('GET', `/statistics?organization_id=${id}`)).toMatchObject({
      by_notification_type: { PAGER: { total: 1, sent: 1 } },
    })

    // It is asked for by its name; BOTH stays e-mail and SMS.
    const send = (channel: string) =>
      request('POST', `/send/appointment/${appointment}`, { notification_type: 'cancellation', channel })
    expect(await send('PAGER')).toMatchObject({ notifications: [{ notification_type: 'PAGER' }] })
    const both = JSON.stringify(await send('BOTH'))
    expect(both).toContain('EMAIL')
    expect(both).not.toContain('PAGER')

    // What the organization does not send on it is not sent, and said.
    await request('PUT', `/settings/${id}`, { channels: { pager: { categories: ['REMINDER'] } } })
    const notSent = { action: 'skipped', rule: 'category_disabled_by_organization' }
    expect(await send('PAGER')).toMatchObject({ notifications: [], omitted: [notSent, notSent] })

    // Whoever opts out is counted, and forgotten with everything else.
    await request('PUT', `/preferences/patient/${patient}`, { channels: { pager: { enabled: false } } })
    expect(await request('GET', `/statistics?organization_id=${id}`)).toMatchObject({
      opt_outs: { by_notification_type: { PAGER: 1 } },
    })
    await harbour.notifications.recipientDeleted({ type: 'PATIENT', id: Number(patient) })
    expect(await request('GET', `/preferences/patient/${patient}`)).toMatchObject({ status: 404 })

    const audit = JSON.stringify(await request('GET', `/audit/${id}`))
    expect(audit).toContain('{"field":"channels.pager.enabled","from":null,"to":true}')
    expect(audit).toContain('{"field":"channels.pager.account.token"}')
    for (const secret of ['sesame', '5512']) expect(audit + harbour.log.lines.join('')).not.toContain(secret)
  })

  it('what is wrong is refused by name', async () => {
    await using harbour = await openHarbour()
    const { request, id, patient, appointment } = harbour
    const refusals = async (channels: unknown) => request('PUT', `/settings/${id}`, { channels })
    await request('POST', '/settings/', { channels: { pager: station }, quiet_hours: [] })
    const unknown = expect.stringMatching(/^is not a known channel: known are email, sms, (?:\w+, )*pager$/)
    expect(await refusals({ fax: {} })).toMatchObject({
      status: 422,
      errors: [{ field: 'channels.fax', message: unknown }],
    })
    expect(await refusals({ email: { enabled: false } })).toMatchObject({
      errors: [
        {
          field: 'channels.email.enabled',
          message: 'is not a known field here: e-mail has fields of its own, such as email_enabled',
        },
      ],
    })
    expect(await refusals({ pager: { account: { colour: 'red' } } })).toMatchObject({
      status: 422,
      errors: [{ field: 'channels.pager.account.colour', message: 'is not a known field' }],
    })
    expect(await refusals({ pager: { account: { station: 'south' } } })).toMatchObject({
      errors: [{ field: 'channels.pager.account.token', message: expect.stringContaining('another pager station') }],
    })
    expect(await refusals({ pager: { account: { call_sign: 'much too long' } } })).toMatchObject({
      errors: [
        { field: 'channels.pager.account.call_sign', message: 'must be two letters: it is none of two letters' },
      ],
    })
    expect(await refusals({ pager: { templates: { appointment_reminder: '{nobody}' } } })).toMatchObject({
      code: 'template_invalid',
      errors: [{ field: 'channels.pager.templates.appointment_reminder' }],
    })
    expect(
      await request('PUT', `/preferences/patient/${patient}`, { channels: { pager: { address: '123' } } }),
    ).toMatchObject({ status: 422, errors: [{ field: 'channels.pager.address' }] })
    const send = { notification_type: 'confirmation', channel: 'FAX' }
    expect(await request('POST', `/send/appointment/${appointment}`, send)).toMatchObject({
      status: 422,
      errors: [{ field: 'channel', message: expect.stringMatching(/^must be "EMAIL", "SMS", .*"PAGER" or "BOTH"$/) }],
    })
    // Nothing of it was kept, and null removes.
    expect(await request('GET', `/settings/${id}`)).toMatchObject({
      channels: { pager: { account: { station: 'north' } } },
    })
    expect(await refusals({ pager: { account: null, reminders: null } })).toMatchObject({
      channels: { pager: { enabled: true, reminders: [24, 2], account: { station: null, token: null } } },
      warnings: [],
    })
    expect(await refusals({ pager: null })).toMatchObject({ channels: {} })
  })

  it('it is in the description of the API, in previews and in the environment', async () => {
    const { openApiDocument, readEnvironment } = await library()
    await using harbour = await openHarbour()
    const text = JSON.stringify(openApiDocument(harbour.endpoints))
    expect(text).toMatch(/"enum":\["EMAIL","SMS",[^\]]*"PAGER","BOTH"\]/)
    for (const field of ['call_sign', 'station']) expect(text).toContain(`"${field}":`)
    await harbour.request('POST', '/settings/', {})
    const preview = {
      channel: 'PAGER',
      template_key: 'appointment_reminder',
      template: { subject: 'Hi', body: 'at {time}' },
    }
    expect(await harbour.request('POST', `/templates/${harbour.id}/preview`, preview)).toMatchObject({
      subject: null,
      message: 'AT 10:30 AM',
      html: null,
      segments: null,
      warnings: [{ code: 'subject_ignored', message: 'A page has no subject' }],
    })
    const { defaults } = readEnvironment({ DEFAULT_PAGER_STATION: 'host', DEFAULT_PAGER_TOKEN: 'open' })
    expect(defaults.channels).toEqual({ pager: { account: { station: 'host', token: 'open' } } })
  })
})

const isPager = (channel: string): boolean => channel === 'PAGER'

/** The types of this file are those of the list as it is: a transport of the channel that the copy has. */
function servesPages(transport: { readonly name: string; readonly channels: readonly string[] }): Transport
function servesPages(transport: unknown) {
  return transport
}
