import { sql } from 'kysely'
import type { Channel, EntityId, RecipientType } from '../../../../src/index.ts'
import { type Builder, type Param, query } from '../query.ts'

const history = 'notification_history'
const requests = 'notification_requests'

type Of = { recipient_type: RecipientType; recipient_id: EntityId }
type Messages = Of & { created_at: number; id: number; limit: number }
type After = { id: number; limit: number }
type From = { channel: Channel; address: string; limit: number }
type FromAfter = From & { id: number }
type Request = { caller: string; key: string }

/** How many of the last messages to an address are looked at. */
const lookedAt = 1000

/** What a page of a walk through a table shows; `holds` has a bit for each kind. */
const texts = sql<number>`case when message <> '' or subject is not null or snapshot is not null or error_message is not null then 1 else 0 end`
const addresses = sql<number>`case when recipient_address is not null or recipient_email is not null or recipient_phone is not null then 2 else 0 end`
const reminderTexts = sql<number>`case when message is not null or subject is not null or error_message is not null then 1 else 0 end`
const answerHolds = sql<number>`case when message is not null or last_error is not null then 1 else 0 end + case when address is not null then 2 else 0 end`
const inboundHolds = sql<number>`case when text is not null then 3 else 2 end`

export const personalStatements = (db: Builder) => {
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
  const ofPerson = (p: Param<Of & After>) =>
    sql<boolean>`recipient_type = ${p('recipient_type')} and recipient_id = ${p('recipient_id')} and id > ${p('id')}`
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
    answersOf: query((p: Param<Of & After>) =>
      db.selectFrom('notification_answers').selectAll().where(ofPerson(p)).orderBy('id').limit(p('limit')).compile(),
    ),
    consentsOf: query((p: Param<Of & After>) =>
      db.selectFrom('notification_consents').selectAll().where(ofPerson(p)).orderBy('id').limit(p('limit')).compile(),
    ),
    inboundFrom: query((p: Param<FromAfter>) =>
      db
        .selectFrom('notification_inbound')
        .selectAll()
        .where('address', '=', p('address'))
        .where('channel', '=', p('channel'))
        .where('id', '>', p('id'))
        .orderBy('id')
        .limit(p('limit'))
        .compile(),
    ),
    answersFrom: query((p: Param<FromAfter>) =>
      db
        .selectFrom('notification_answers')
        .selectAll()
        .where('address', '=', p('address'))
        .where('channel', '=', p('channel'))
        .where('recipient_id', 'is', null)
        .where('id', '>', p('id'))
        .orderBy('id')
        .limit(p('limit'))
        .compile(),
    ),
    consentsBy: query((p: Param<{ address_id: number; id: number; limit: number }>) =>
      db
        .selectFrom('notification_consents')
        .selectAll()
        .where('address_id', '=', p('address_id'))
        .where('recipient_id', 'is', null)
        .where('id', '>', p('id'))
        .orderBy('id')
        .limit(p('limit'))
        .compile(),
    ),
    links: query((p: Param<Of & { hash: string; limit: number }>) =>
      db
        .selectFrom('notification_links')
        .selectAll()
        .where('recipient_type', '=', p('recipient_type'))
        .where('recipient_id', '=', p('recipient_id'))
        .where('hash', '>', p('hash'))
        .orderBy('hash')
        .limit(p('limit'))
        .compile(),
    ),
    budget: query((p: Param<Of & { organization_id: string }>) =>
      db
        .selectFrom('notification_budgets')
        .selectAll()
        .where('organization_id', '=', p('organization_id'))
        .where('recipient_type', '=', p('recipient_type'))
        .where('recipient_id', '=', p('recipient_id'))
        .compile(),
    ),
    audit: query((p: Param<After>) =>
      db
        .selectFrom('notification_audit')
        .selectAll()
        .where('id', '>', p('id'))
        .orderBy('id')
        .limit(p('limit'))
        .compile(),
    ),
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
      messages: query((p: Param<After>) =>
        db
          .selectFrom(history)
          .select(['id', 'organization_id', 'updated_at', sql<number>`(${texts}) + (${addresses})`.as('holds')])
          .where('id', '>', p('id'))
          .orderBy('id')
          .limit(p('limit'))
          .compile(),
      ),
      reminders: query((p: Param<After>) =>
        db
          .selectFrom('appointment_reminders')
          .select(['id', 'organization_id', 'updated_at', reminderTexts.as('holds')])
          .where('id', '>', p('id'))
          .orderBy('id')
          .limit(p('limit'))
          .compile(),
      ),
      addresses: query((p: Param<After>) =>
        db
          .selectFrom('notification_addresses')
          .select(['id', 'organization_id', 'updated_at', sql<number>`2`.as('holds')])
          .where('id', '>', p('id'))
          .orderBy('id')
          .limit(p('limit'))
          .compile(),
      ),
      decisions: query((p: Param<After>) =>
        db
          .selectFrom('notification_decisions')
          .select(['id', 'organization_id', 'at as updated_at', sql<number>`4`.as('holds')])
          .where('id', '>', p('id'))
          .orderBy('id')
          .limit(p('limit'))
          .compile(),
      ),
      audit: query((p: Param<After>) =>
        db
          .selectFrom('notification_audit')
          .select(['id', 'organization_id', 'at as updated_at', sql<number>`8`.as('holds')])
          .where('id', '>', p('id'))
          .orderBy('id')
          .limit(p('limit'))
          .compile(),
      ),
      answers: query((p: Param<After>) =>
        db
          .selectFrom('notification_answers')
          .select(['id', 'organization_id', 'updated_at', answerHolds.as('holds')])
          .where('id', '>', p('id'))
          .orderBy('id')
          .limit(p('limit'))
          .compile(),
      ),
      inbound: query((p: Param<After>) =>
        db
          .selectFrom('notification_inbound')
          .select(['id', 'organization_id', 'received_at as updated_at', inboundHolds.as('holds')])
          .where('id', '>', p('id'))
          .orderBy('id')
          .limit(p('limit'))
          .compile(),
      ),
    },
  }
}
