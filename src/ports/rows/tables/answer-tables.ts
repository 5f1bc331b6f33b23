import type { Channel } from '../../../channels/index.ts'
import type { ActorKind } from '../../../schemas/audit.ts'
import type { AnswerAction, AnswerVia, RecipientType, ReplyAbout } from '../../../schemas/vocabulary.ts'
import { never, optional, required, type Table, times, word } from './columns.ts'

export const answerTables = {
  /** What people answered, and what they wrote that is for people; each waits for the host's hook where there is one. */
  notification_answers: {
    columns: {
      id: required('serial'),
      /** Null: it came to a sender of the host application, and no message shows whose it is. */
      organization_id: optional('text'),
      appointment_id: optional('appointment'),
      recipient_type: word<RecipientType>(),
      recipient_id: optional('recipient'),
      kind: never(word<AnswerAction | ReplyAbout>()),
      via: never(word<AnswerVia>()),
      channel: word<Channel>(),
      address: optional('text'),
      /** Of what is for people. */
      message: optional('text'),
      /** The provider's id of it, with the channel: the same text delivered again is read once. */
      message_id: optional('text'),
      /** The appointments it may mean. */
      candidates: optional('json'),
      /** The start of the appointment that was answered. */
      starts_at: optional('instant'),
      answered_at: required('instant'),
      actor_kind: never(word<ActorKind>()),
      /** As JSON, so that 7 and "7" stay apart. */
      actor_id: optional('text'),
      /** When the hook is called next; of one that is being called, the end of its lease. Null: it is not, or was. */
      due_at: optional('instant'),
      attempts: required('int'),
      last_error: optional('text'),
      delivered_at: optional('instant'),
      /** When somebody has dealt with it. */
      handled_at: optional('instant'),
      ...times,
    },
    indexes: [
      { name: 'notification_answers_message', columns: ['message_id'], unique: true, whereNotNull: 'message_id' },
      { name: 'notification_answers_due', columns: ['due_at', 'id'], whereNotNull: 'due_at' },
      { name: 'notification_answers_organization', columns: ['organization_id', 'id'] },
      { name: 'notification_answers_appointment', columns: ['appointment_id'], whereNotNull: 'appointment_id' },
      { name: 'notification_answers_recipient', columns: ['recipient_type', 'recipient_id'] },
    ],
  },
} as const satisfies Record<string, Table>
