import { type RawBuilder, sql } from 'kysely'
import type { Channel, EntityId, RecipientType } from '../../../../src/index.ts'
import type * as records from '../../../../src/records/index.ts'
import type { Dialect } from '../dialect.ts'
import { type Builder, type Param, pageBy, query, rowsBy, tableOf } from '../query.ts'

const history = 'notification_history'
const requests = 'notification_requests'

type Of = { recipient_type: RecipientType; recipient_id: EntityId }
type Messages = Of & { created_at: number; id: number; limit: number }
type After = { id: number; limit: number }
type From = { channel: Channel; address: string; limit: number }
type Request = { caller: string; key: string }

/** How many of the last messages to an address are looked at. */
const lookedAt = 1000

/** What a page of a walk through a table shows; `holds` has a bit for each kind. */
const messageTexts = sql`case when message <> '' or subject is not null or snapshot is not null or error_message is not null then 1 else 0 end`
const messageAddresses = sql`case when recipient_address is not null or recipient_email is not null or recipient_phone is not null then 2 else 0 end`
const reminderTexts = sql`case when message is not null or subject is not null or error_message is not null then 1 else 0 end`
const answerHolds = sql`case when message is not null or last_error is not null then 1 else 0 end + case when address is not null then 2 else 0 end`
const inboundHolds = sql`case when text is not null then 3 else 2 end`

type Aged = { id: number; organization_id: string | null; updated_at: number; holds: number }

export const personalStatements = (db: Builder, dialect: Dialect) => {
  const messages = (p: Param<Messages>) =>
    db
      .selectFrom(history)
      .selectAll()
      .where('recipient_type', '=', p('recipient_type'))
      .where('recipient_id', '=', p('recipient_id'))
      .where('created_at', '>=', p('created_at'))
      .where(sql<boolean>`(created_at > ${p('created_at')} or id > ${p('id')})`)
      .orderBy('created_at')
      .orderBy('id')
      .limit(p('limit'))
  const person = ['recipient_type', 'recipient_id'] as const
  const isNobodys = sql<boolean>`recipient_id is null`
  const aging = (table: records.IdTable, changed: 'updated_at' | 'at' | 'received_at', holds: RawBuilder<unknown>) =>
    query((p: Param<After>) =>
      sql<Aged>`select id, organization_id, ${sql.ref(changed)} as updated_at, ${holds} as holds
        from ${tableOf(dialect, table)} where id > ${p('id')} order by id limit ${p('limit')}`.compile(db),
    )
  return {
    messages: query((p: Param<Messages>) => messages(p).compile()),
    messagesLeft: query((p: Param<Messages>) => messages(p).where('erased_at', 'is', null).compile()),
    messagesTo: query((p: Param<From & { created_at: number; id: number }>) =>
      db
        .selectFrom(history)
        .selectAll()
        .where('recipient_address', '=', p('address'))
        .where('notification_type', '=', p('channel'))
        .where('created_at', '>=', p('created_at'))
        .where(sql<boolean>`(created_at > ${p('created_at')} or id > ${p('id')})`)
        .orderBy('created_at')
        .orderBy('id')
        .limit(p('limit'))
        .compile(),
    ),
    plansOf: query((p: Param<Of & { plan_id: number; limit: number }>) =>
      db
        .selectFrom('reminder_plan_recipients as link')
        .innerJoin('reminder_plans as plan', 'plan.id', 'link.plan_id')
        .select(['link.plan_id', 'plan.organization_id', 'plan.appointment_id', 'plan.starts_at'])
        .where('link.recipient_type', '=', p('recipient_type'))
        .where('link.recipient_id', '=', p('recipient_id'))
        .where('link.plan_id', '>', p('plan_id'))
        .orderBy('link.plan_id')
        .limit(p('limit'))
        .compile(),
    ),
    /** One row where somebody else has it. */
    isShared: query((p: Param<Of & { recipient_address: string; channel: Channel }>) =>
      db
        .selectFrom(
          db
            .selectFrom(history)
            .select(['recipient_type', 'recipient_id', 'notification_type'])
            .where('recipient_address', '=', p('recipient_address'))
            .orderBy('created_at', 'desc')
            .orderBy('id', 'desc')
            .limit(sql.lit(lookedAt))
            .as('last'),
        )
        .select('recipient_type')
        .where('notification_type', '=', p('channel'))
        .where((e) =>
          e.not(e.and([e('recipient_type', '=', p('recipient_type')), e('recipient_id', '=', p('recipient_id'))])),
        )
        .limit(1)
        .compile(),
    ),
    answers: query((p: Param<Request & { limit: number }>) =>
      db
        .selectFrom(requests)
        .select(['caller', 'key', 'answer'])
        .where(sql<boolean>`(caller, key) > (${p('caller')}, ${p('key')})`)
        .orderBy('caller')
        .orderBy('key')
        .limit(p('limit'))
        .compile(),
    ),
    replaceAnswer: query((p: Param<Request & { before: string; answer: string }>) =>
      db
        .updateTable(requests)
        .set({ answer: p('answer') })
        .where('caller', '=', p('caller'))
        .where('key', '=', p('key'))
        .where('answer', '=', p('before'))
        .compile(),
    ),
    answersOf: pageBy(db, dialect, 'notification_answers', person, 'id'),
    consentsOf: pageBy(db, dialect, 'notification_consents', person, 'id'),
    inboundFrom: pageBy(db, dialect, 'notification_inbound', ['address', 'channel'], 'id'),
    answersFrom: pageBy(db, dialect, 'notification_answers', ['address', 'channel'], 'id', isNobodys),
    consentsBy: pageBy(db, dialect, 'notification_consents', ['address_id'], 'id', isNobodys),
    links: pageBy(db, dialect, 'notification_links', person, 'hash'),
    budget: rowsBy(db, dialect, 'notification_budgets', 'organization_id', ...person),
    audit: pageBy(db, dialect, 'notification_audit', [], 'id'),
    purgeHashes: query((p: Param<{ until: number; limit: number }>) =>
      db
        .updateTable(history)
        .set({ erased_hash: null })
        .where('id', 'in', (e) =>
          e
            .selectFrom(history)
            .select('id')
            .where('erased_hash', 'is not', null)
            .where('erased_at', '<=', p('until'))
            .orderBy('erased_at')
            .orderBy('id')
            .limit(p('limit')),
        )
        .compile(),
    ),
    aging: {
      messages: aging(history, 'updated_at', sql`(${messageTexts}) + (${messageAddresses})`),
      reminders: aging('appointment_reminders', 'updated_at', reminderTexts),
      addresses: aging('notification_addresses', 'updated_at', sql`2`),
      decisions: aging('notification_decisions', 'at', sql`4`),
      audit: aging('notification_audit', 'at', sql`8`),
      answers: aging('notification_answers', 'updated_at', answerHolds),
      inbound: aging('notification_inbound', 'received_at', inboundHolds),
    },
  }
}
