import { describe, expect, it } from 'vitest'
import { patched, valueAt, withValueAt } from '../../src/schemas/channel-settings.ts'

describe('a patch of settings', () => {
  const before = {
    name: 'Harbour',
    channels: {
      pager: { enabled: true, reminders: [3], account: { station: 'north', token: 'sealed' } },
      fax: { enabled: true },
    },
  }
  type Row = { readonly name: string | null; readonly channels: Readonly<Record<string, object | null>> | null }
  const changed = (patch: Partial<Row>) => patched<Row>(before, patch)

  it('keeps what it leaves out, to every depth of channels', () => {
    expect(changed({})).toEqual(before)
    expect(changed({ channels: {} })).toEqual(before)
    expect(changed({ name: null })).toEqual({ ...before, name: null })
    expect(changed({ channels: { pager: { account: { station: 'south' } } } })).toEqual({
      ...before,
      channels: {
        ...before.channels,
        pager: { ...before.channels.pager, account: { station: 'south', token: 'sealed' } },
      },
    })
  })

  it('removes what is null, and replaces lists and templates as a whole', () => {
    expect(changed({ channels: null }).channels).toBe(null)
    expect(changed({ channels: { fax: null } }).channels).toEqual({ pager: before.channels.pager })
    expect(changed({ channels: { fax: null, pager: null } }).channels).toBe(null)
    expect(changed({ channels: { pager: { reminders: [], account: null } } }).channels).toEqual({
      ...before.channels,
      pager: { enabled: true, reminders: [] },
    })
    const templated = patched<Row>(changed({ channels: { fax: { templates: { one: 'a', two: 'b' } } } }), {
      channels: { fax: { templates: { two: 'c' } } },
    })
    expect(templated.channels?.['fax']).toEqual({ enabled: true, templates: { two: 'c' } })
  })

  it('leaves the row it was made from as it was', () => {
    const row = structuredClone(before)
    patched<Row>(row, { channels: { pager: { account: { station: 'south' } } } })
    expect(row).toEqual(before)
  })
})

describe('a place', () => {
  it('says whether something is set, removed or left out', () => {
    expect(valueAt({ channels: { pager: { enabled: false } } }, ['channels', 'pager', 'enabled'])).toBe(false)
    expect(valueAt({ channels: { pager: null } }, ['channels', 'pager', 'enabled'])).toBe(null)
    expect(valueAt({ channels: {} }, ['channels', 'pager', 'enabled'])).toBe(undefined)
    expect(valueAt({ channels: {} }, ['channels', 'constructor'])).toBe(undefined)
  })

  it('takes another value, or none', () => {
    const values = { channels: { pager: { account: { token: 'a', station: 'b' } } } }
    expect(withValueAt(values, ['channels', 'pager', 'account', 'token'], 'c')).toEqual({
      channels: { pager: { account: { token: 'c', station: 'b' } } },
    })
    expect(withValueAt(values, ['channels', 'pager', 'account', 'token'], undefined)).toEqual({
      channels: { pager: { account: { station: 'b' } } },
    })
  })
})
