import { z } from 'zod'
import { addressFilter, addressInput, liftInput, maskAddress, suppressInput } from '../../schemas/address.ts'
import type { KnownAddress } from '../../services/settings/addresses.ts'
import { organizationNotFound } from '../../services/shared/not-found.ts'
import { actorOf, type Caller, isMasked } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationOwner } from '../owners.ts'
import { common, suppressionShape } from '../shapes/common.ts'
import { wireName } from '../snake-case.ts'

const channelOnWire = <Schema extends z.ZodType>(schema: Schema) => wireName('notification_type', schema)

const addressShape = z.object({
  id: z.int().nullable().describe('Id of the address in the audit log; null while nothing is recorded of it'),
  organizationId: common.organizationId,
  channel: channelOnWire(common.channel),
  address: z.string().describe('E-mail address in lower case, or phone number in E.164; masked for viewers'),
  suppression: suppressionShape.nullable().describe('Null if messages may be sent'),
  liftedAt: z.date().nullable().describe('When a suppression was last lifted; null if never'),
  lastWorkedAt: z
    .date()
    .nullable()
    .describe('When a provider last accepted a message to it, to the hour; null if never'),
  provenAt: z.date().nullable().describe('When the person was proven to have it; null if never'),
})

const addressesShape = z.object({
  addresses: z.array(addressShape).describe('The addresses of this page, the latest recorded first'),
  nextCursor: z.int().nullable().describe('Value of `cursor` for the next page; null on the last page'),
})

const show = (address: KnownAddress, caller: Caller | null) =>
  isMasked(caller) ? { ...address, address: maskAddress(address.address) } : address

/** Addresses to which nothing is sent. */
export function addressRoutes({ addresses }: Api, ids: HostIds): Route[] {
  const params = z.strictObject({ organizationId: ids.organization })
  const ofOrganization = ({ params: { organizationId } }: { params: z.output<typeof params> }) =>
    organizationOwner(organizationId, organizationNotFound)
  return [
    defineRoute({
      id: 'addresses.list',
      method: 'GET',
      path: '/addresses/{organization_id}',
      summary: 'List the addresses to which nothing is sent, and why',
      params,
      query: addressFilter.extend({ channel: channelOnWire(addressFilter.shape.channel) }),
      body: nothing,
      responses: { 200: addressesShape },
      errors: ['organization_not_found'],
      example: { query: { notification_type: 'SMS', limit: '50' } },
      access: { kind: 'members', staff: 'viewer', self: false, owner: ofOrganization },
      async handler({ query, owner, caller }) {
        const page = await addresses.suppressed(owner.organizationId, query)
        return { ...page, addresses: page.addresses.map((one) => show(one, caller)) }
      },
    }),
    defineRoute({
      id: 'addresses.look-up',
      method: 'POST',
      path: '/addresses/{organization_id}/look-up',
      summary: 'Show what is known of an address; in the body, so that it is in no URL',
      params,
      query: nothing,
      body: addressInput.extend({ channel: channelOnWire(addressInput.shape.channel) }),
      responses: { 200: addressShape },
      rateClass: 'reading',
      errors: ['organization_not_found'],
      example: { body: { notification_type: 'SMS', address: '+14155550123' } },
      access: { kind: 'members', staff: 'viewer', self: false, owner: ofOrganization },
      handler: async ({ body, owner, caller }) => show(await addresses.get(owner.organizationId, body), caller),
    }),
    defineRoute({
      id: 'addresses.suppress',
      method: 'POST',
      path: '/addresses/{organization_id}/suppress',
      summary: 'Stop sending to an address',
      params,
      query: nothing,
      body: suppressInput.extend({ channel: channelOnWire(suppressInput.shape.channel) }),
      responses: { 200: addressShape },
      errors: ['organization_not_found'],
      example: { body: { notification_type: 'SMS', address: '+14155550123', cause: 'stop' } },
      access: { kind: 'members', staff: 'admin', self: false, owner: ofOrganization },
      handler: async ({ body, owner, caller }) =>
        show(await addresses.as(actorOf(caller)).suppress(owner.organizationId, body), caller),
    }),
    defineRoute({
      id: 'addresses.lift',
      method: 'POST',
      path: '/addresses/{organization_id}/lift',
      summary: 'Send to an address again; if the person opted out or complained, by the new consent of the person',
      params,
      query: nothing,
      body: liftInput.extend({ channel: channelOnWire(liftInput.shape.channel) }),
      responses: { 200: addressShape },
      errors: ['organization_not_found', 'consent_required'],
      example: {
        body: {
          notification_type: 'SMS',
          address: '+14155550188',
          consent: { given_by: 'the patient', how: 'by phone to the reception', at: '2024-01-31T09:30:00Z' },
        },
      },
      access: { kind: 'members', staff: 'admin', self: false, owner: ofOrganization },
      handler: async ({ body, owner, caller }) =>
        show(await addresses.as(actorOf(caller)).lift(owner.organizationId, body), caller),
    }),
  ]
}
