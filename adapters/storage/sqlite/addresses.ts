import type { AddressQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { lastId } from '../kysely/held.ts'
import type { Commands } from './engine.ts'

export const addressStore = (engine: Commands): AddressQueries => ({
  find: (asked) =>
    engine.read(({ statements: { addresses } }) => {
      const list = JSON.stringify(asked.map((one) => [one.organizationId, one.channel, one.address]))
      return addresses.find.all({ list }).map(records.decodeAddress)
    }),
  everywhere: ({ channel, address }) =>
    engine.read(({ statements: { addresses } }) =>
      addresses.everywhere.all({ channel, address }).map(records.decodeAddress),
    ),
  suppressed: ({ organizationId, channel, before = lastId, limit }) =>
    engine.read(({ statements: { addresses } }) => {
      const page = { organizationId, before, limit }
      const rows =
        channel === undefined ? addresses.suppressed.all(page) : addresses.suppressedOn.all({ ...page, channel })
      return rows.map(records.decodeAddress)
    }),
})
