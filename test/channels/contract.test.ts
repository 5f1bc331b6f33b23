import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { AccountFields, ChannelDefinition } from '../../src/channels/channel.ts'
import { email } from '../../src/channels/email.ts'
import { channelOf, channels } from '../../src/channels/index.ts'
import { sms } from '../../src/channels/sms.ts'
import { whatsapp } from '../../src/channels/whatsapp.ts'
import { channelKey } from '../../src/schemas/channel-fields.ts'
import { loadNumberingPlans } from '../../src/schemas/phone-number.ts'
import { settingsFields } from '../../src/schemas/settings.ts'
import { root } from '../package/manifest.ts'
import { pager } from './pager.ts'

await loadNumberingPlans()

const definitions: readonly ChannelDefinition[] = [email, sms, whatsapp, pager]

describe('a channel', () => {
  it('does not compile without one of its parts', () => {
    const without = <Part extends keyof ChannelDefinition>(part: Part): Omit<typeof pager, Part> => {
      const { [part]: _left, ...rest } = pager
      return rest
    }
    const whole: ChannelDefinition = { ...pager }
    const lacking: readonly ChannelDefinition[] = [
      // @ts-expect-error
      without('name'),
      // @ts-expect-error
      without('words'),
      // @ts-expect-error
      without('address'),
      // @ts-expect-error
      without('content'),
      // @ts-expect-error
      without('account'),
      // @ts-expect-error
      without('receipts'),
      // @ts-expect-error
      without('consent'),
      // @ts-expect-error
      without('taskType'),
      // @ts-expect-error
      without('columns'),
      // @ts-expect-error An address that cannot be compared.
      { ...pager, address: { ...pager.address, key: undefined } },
      // @ts-expect-error A column that the document does not have.
      { ...pager, columns: { ...sms.columns, history: 'recipientPager' } },
    ]
    const { tiedTo: _tied, ...token } = pager.account.fields.token
    // @ts-expect-error A secret that does not say what it was given for.
    const untied: ChannelDefinition['account']['fields'] = { token }
    expect(untied).toEqual({ token })
    // Each part is among those that are left out.
    expect(Object.keys(whole)).toHaveLength(10)
    expect(lacking).toHaveLength(11)
  })

  it.each(definitions)('$name refers to fields that it has', ({ account, content }) => {
    const names = Object.keys(account.fields)
    const tied = Object.values(account.fields).flatMap(({ tiedTo = [] }) => tiedTo.flatMap((tie) => tie.fields))
    const remedies = Object.values(account.remedies).flatMap(({ field = [] }) => field)
    const chosen = 'field' in account.transport ? [account.transport.field] : []
    expect(names).toEqual(expect.arrayContaining([account.place, ...account.begun, ...tied, ...remedies, ...chosen]))
    expect(content.limit.most).toBeGreaterThan(0)
  })

  it('is found by its name, which is one of a kind', () => {
    expect(channels.map((one) => channelOf(one).name)).toEqual(channels)
    expect(new Set(channels.map(channelKey)).size).toBe(channels.length)
  })

  it('keeps what is documented in the documented columns', () => {
    const fields: Readonly<Record<string, unknown>> = settingsFields
    const further: string[] = []
    for (const { account } of [email, sms]) {
      const own: AccountFields = account.fields
      for (const [name, field] of Object.entries(own)) {
        if (field.column === undefined) further.push(name)
        else expect([field.column, fields[field.column] === field]).toEqual([field.column, true])
      }
    }
    expect(further).toEqual(['dkimDomain', 'dkimSelector', 'dkimPrivateKey', 'region', 'configurationSet'])
  })

  it.each([
    ['EMAIL', ' Ada@Example.ORG ', 'Ada@Example.ORG', 'ada@example.org'],
    ['SMS', '(415) 555-0123', '+14155550123', '+14155550123'],
    ['WHATSAPP', '(415) 555-0123', '+14155550123', '+14155550123'],
    ['WHATSAPP', ' US.13491208655302741918 ', 'US.13491208655302741918', 'US.13491208655302741918'],
    ['WHATSAPP', 'GB.ENT.abc123', 'GB.ENT.abc123', 'GB.ENT.abc123'],
  ] as const)('reads an address of %s, and knows it again', (channel, text, normal, key) => {
    const { address } = channelOf(channel)
    const read = address.read(text, 'US')
    expect(read.address).toBe(normal)
    expect(address.read(normal, null).address).toBe(normal)
    expect(address.key(normal)).toBe(key)
  })
})

/** Where a channel may be named: what a route shows as an example, and what a transport serves and signs in with. */
const examples: Readonly<Record<string, readonly string[]>> = {
  'src/http/routes/templates.ts': ["default('EMAIL')", "channel: 'SMS'"],
  'src/http/routes/history.ts': ["notification_type: 'EMAIL'"],
  'src/http/routes/addresses.ts': ["notification_type: 'SMS'"],
  'src/http/routes/consent.ts': ["notification_type: 'SMS'"],
  // What reasons of the version before mean.
  'adapters/storage/kysely/every-migration.ts': ["channel = 'EMAIL' and reason like 'smtp%'"],
  'adapters/transport/smtp.ts': ["channels: ['EMAIL']", "account.channel === 'EMAIL'", "account?.channel === 'EMAIL'"],
  'adapters/transport/twilio.ts': ["channels: ['SMS', 'WHATSAPP']", "account?.channel === 'SMS'"],
  'adapters/transport/whatsapp-cloud.ts': [
    "channels: ['WHATSAPP']",
    "account?.channel === 'WHATSAPP'",
    "account.channel === 'WHATSAPP'",
  ],
  'adapters/transport/aws-sms.ts': ["channels: ['SMS']"],
  'adapters/transport/aws-sns.ts': ["channels: ['SMS']", 'AWS.SNS.SMS.', 'AWS.MM.SMS.'],
  'adapters/transport/aws/account.ts': ["account?.channel !== 'SMS'", "account.channel !== 'SMS'"],
  // Its addresses have a prefix there.
  'adapters/transport/twilio/message.ts': ["channel === 'WHATSAPP'"],
  'adapters/transport/twilio/webhook.ts': [
    "account.channel !== 'SMS' && account.channel !== 'WHATSAPP'",
    "isWhatsApp(form) === (account.channel === 'WHATSAPP')",
  ],
}

it('names no channel outside of its file', async () => {
  const name = `(?:${channels.join('|')})`
  const naming = new RegExp(`^.*(?:(['"\`])${name}\\1|(?:^|[{,])\\s*${name}\\s*:|\\.${name}\\b).*$`, 'gm')
  const found: Record<string, string[]> = {}
  for await (const file of glob(['src/**/*.ts', 'adapters/**/*.ts'], { cwd: root })) {
    if (file.startsWith(join('src', 'channels'))) continue
    const code = (await readFile(join(root, file), 'utf8')).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    const named = code.match(naming) ?? []
    const strange = named.filter((line) => !examples[file]?.some((example) => line.includes(example)))
    if (strange.length > 0) found[file] = strange.map((line) => line.trim())
  }
  expect(found).toEqual({})
})
