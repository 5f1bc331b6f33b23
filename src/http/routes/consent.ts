import { z } from 'zod'
import { addressInput, maskAddress } from '../../schemas/address.ts'
import { actorKinds } from '../../schemas/audit.ts'
import { rowId } from '../../schemas/common.ts'
import type { ConsentRecord, Doubt } from '../../schemas/consent.ts'
import { categories, consentActs, consentHows } from '../../schemas/vocabulary.ts'
import { organizationNotFound } from '../../services/shared/not-found.ts'
import { actorOf, type Caller, isMasked } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationOwner } from '../owners.ts'
import { common } from '../shapes/common.ts'
import { wireName } from '../snake-case.ts'

export const consentShape = z.object({
  id: z.int().describe('Id of the record'),
  at: z.date().describe('When it was said'),
  act: z.enum(consentActs).describe('What was said'),
  how: z.enum(consentHows).describe('How it was said'),
  actorKind: z.enum(actorKinds).describe('Who recorded it'),
  actorId: z.union([z.int(), z.string()]).nullable().describe('Id of who recorded it; null if unknown'),
  recipientType: common.recipientType.nullable().describe('Null if it was said of an address, whoever has it'),
  recipientId: common.recipientId.nullable().describe('Null if it was said of an address, whoever has it'),
  addressId: z.int().nullable().describe('Id of the address that it was said by; null if by none'),
  channel: wireName('notification_type', common.channel.nullable().describe('Null: every channel')),
  category: wireName('notification_category', z.enum(categories).nullable().describe('Null: every kind of message')),
  wording: z.string().nullable().describe('Version of the wording that was shown or answered; null if none was'),
})

const doubtShape = z.object({
  id: z.int().describe('Id of the message'),
  channel: wireName('notification_type', common.channel),
  address: z.string().describe('Where it came from; masked for viewers'),
  text: z.string().nullable().describe('What the person wrote; null for viewers'),
  receivedAt: z.date().describe('When it arrived'),
})

export const showConsent = ({ by, recipient, organizationId: _, ...record }: ConsentRecord) => ({
  ...record,
  actorKind: by.kind,
  actorId: by.id,
  recipientType: recipient?.type ?? null,
  recipientId: recipient?.id ?? null,
})

function shownDoubt({ id, channel, address, text, receivedAt }: Doubt, caller: Caller | null) {
  const masked = isMasked(caller)
  return { id, channel, address: masked ? maskAddress(address) : address, text: masked ? null : text, receivedAt }
}

const page = { limit: z.coerce.number().int().min(1).max(200).optional().describe('Page size. Default 50') }
const cursor = rowId.optional().describe('`next_cursor` of the previous page')
const nextCursor = z.int().nullable().describe('Value of `cursor` for the next page; null on the last page')

/** The record of consent, and messages on which staff decide. */
export function consentRoutes({ consent }: Api, ids: HostIds): Route[] {
  const params = z.strictObject({ organizationId: ids.organization })
  const ofOrganization = ({ params: { organizationId } }: { params: { readonly organizationId: string } }) =>
    organizationOwner(organizationId, organizationNotFound)
  return [
    defineRoute({
      id: 'consent.record',
      method: 'GET',
      path: '/consent/{organization_id}',
      summary: 'List what people refused and gave: who, how and when, the newest first',
      params,
      query: z.strictObject({ ...page, cursor }),
      body: nothing,
      responses: { 200: z.object({ records: z.array(consentShape).describe('The records of this page'), nextCursor }) },
      errors: ['organization_not_found'],
      example: { query: { limit: '50' } },
      access: { kind: 'members', staff: 'viewer', self: false, owner: ofOrganization },
      async handler({ query: { cursor: before, limit }, owner }) {
        const filter = { ...(before === undefined ? {} : { before }), ...(limit === undefined ? {} : { limit }) }
        const found = await consent.record(owner.organizationId, filter)
        return { records: found.records.map(showConsent), nextCursor: found.nextCursor }
      },
    }),
    defineRoute({
      id: 'consent.doubts',
      method: 'GET',
      path: '/consent/{organization_id}/doubts',
      summary: 'List messages of people that may be refusals, until somebody decides',
      params,
      query: z.strictObject({ ...page, cursor }),
      body: nothing,
      responses: {
        200: z.object({
          doubts: z.array(doubtShape).describe('The messages of this page, the oldest first'),
          nextCursor,
        }),
      },
      errors: ['organization_not_found'],
      example: { query: { limit: '50' } },
      access: { kind: 'members', staff: 'viewer', self: false, owner: ofOrganization },
      async handler({ query: { cursor: after, limit }, owner, caller }) {
        const filter = { ...(after === undefined ? {} : { after }), ...(limit === undefined ? {} : { limit }) }
        const found = await consent.doubts(owner.organizationId, filter)
        return { doubts: found.doubts.map((one) => shownDoubt(one, caller)), nextCursor: found.nextCursor }
      },
    }),
    defineRoute({
      id: 'consent.decide',
      method: 'POST',
      path: '/consent/{organization_id}/decide',
      summary: 'Decide whether messages from an address were refusals',
      params,
      query: nothing,
      body: addressInput.extend({
        channel: wireName('notification_type', addressInput.shape.channel),
        decision: z
          .enum(['refused', 'cleared'])
          .describe('`refused`: it is an opt-out. `cleared`: it is none, and messages are sent again'),
      }),
      responses: {
        200: z.object({
          changed: z.boolean().describe('False if it was so already'),
          inFlight: z.int().describe('Messages being sent at that moment'),
        }),
      },
      errors: ['organization_not_found'],
      example: { body: { notification_type: 'SMS', address: '+14155550123', decision: 'cleared' } },
      access: { kind: 'members', staff: 'admin', self: false, owner: ofOrganization },
      handler: ({ body: { decision, ...address }, owner, caller }) =>
        consent.as(actorOf(caller)).decide(owner.organizationId, address, decision),
    }),
  ]
}
