import type { TemplateVersionQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { lastId } from '../kysely/held.ts'
import type { Engine } from './engine.ts'

export const templateVersionStore = (engine: Engine): TemplateVersionQueries => ({
  list: ({ organizationId, before = lastId, limit }) =>
    engine.read(({ statements: { templateVersions } }) =>
      templateVersions.page.all({ organizationId, before, limit }).map(records.decodeTemplateVersion),
    ),
  drafts: (organizationId, limit) =>
    engine.read(({ statements: { templateVersions } }) =>
      templateVersions.drafts.all({ organizationId, limit }).map(({ version }) => version),
    ),
  get: (organizationId, version) =>
    engine.read(({ statements: { templateVersions } }) => {
      const row = templateVersions.get.get({ organizationId, version })
      return row === undefined ? null : records.decodeVersionRow(row)
    }),
})
