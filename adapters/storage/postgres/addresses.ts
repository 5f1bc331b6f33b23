import type { AddressQueries, TransactionStorage } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { lastId } from '../kysely/held.ts'
import type { Commands, Engine } from './engine.ts'
import { qualified, recordset } from './names.ts'
import { decodeRow, encodeParameter } from './values.ts'

const table = 'notification_addresses'
const columns = ['organization_id', 'channel', 'address'] as const

/** What a transaction of the host carries out too. */
export const addressReads = (engine: Commands): TransactionStorage['addresses'] => ({
  find: (addresses) =>
    engine.read(async ({ run, schema, kinds }) => {
      if (addresses.length === 0) return []
      const asked = addresses.map(({ organizationId: organization_id, channel, address }) => ({
        organization_id,
        channel,
        address,
      }))
      const { rows } = await run<records.Row<typeof table>>(
        `select t.* from ${recordset(table, columns, kinds)}
         join ${qualified(schema, table)} as t using (organization_id, channel, address)`,
        [encodeParameter(JSON.stringify(asked))],
      )
      return rows.map((row) => records.decodeAddress(decodeRow(row, kinds)))
    }),
})

export const addressStore = (engine: Engine): AddressQueries => ({
  ...addressReads(engine),
  everywhere: ({ channel, address }) =>
    engine.read(async ({ statements: { addresses } }) =>
      (await addresses.everywhere.all({ channel, address })).map(records.decodeAddress),
    ),
  suppressed: ({ organizationId, channel, before = lastId, limit }) =>
    engine.read(async ({ statements: { addresses } }) => {
      const page = { organizationId, before, limit }
      const rows = await (channel === undefined
        ? addresses.suppressed.all(page)
        : addresses.suppressedOn.all({ ...page, channel }))
      return rows.map(records.decodeAddress)
    }),
})
