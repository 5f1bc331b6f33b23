import type { ActorKind } from '../../../schemas/audit.ts'
import { never, optional, required, type Table, word } from './columns.ts'

export const templateTables = {
  /** All templates of an organization as somebody wrote them at one time. Only that it was published is added later. */
  notification_template_versions: {
    columns: {
      id: required('serial'),
      organization_id: required('text'),
      /** 1 and on, of each organization. */
      version: required('int'),
      /** The version that was published when it was written; null: none was. */
      based_on: optional('int'),
      content: required('json'),
      created_at: required('instant'),
      actor_kind: never(word<ActorKind>()),
      actor_id: optional('text'),
      /** Null: a draft. */
      published_at: optional('instant'),
      publisher_kind: word<ActorKind>(),
      publisher_id: optional('text'),
    },
    indexes: [
      {
        name: 'notification_template_versions_version',
        columns: ['organization_id', 'version'],
        unique: true,
      },
    ],
  },
} as const satisfies Record<string, Table>
