import type { IdKinds } from '../../../src/index.ts'
import type { Builder } from '../kysely/query.ts'
import type { Library } from './library.ts'
import type { Run } from './source.ts'

/** What a migration works with. */
export type Migrating = {
  readonly run: Run
  readonly schema: string
  readonly ids: IdKinds
  readonly builder: Builder
  readonly ddl: Library['ddl']
}
