import { z } from 'zod'
import { maskAddress } from '../../schemas/address.ts'
import { unreachedReasons } from '../../schemas/vocabulary.ts'
import { type Unreached, unreachedFilter } from '../../services/insight/attention.ts'
import { type Caller, isMasked } from '../access.ts'
import type { Api } from '../api.ts'
import { Content, contentOf } from '../content.ts'
import { csvOf } from '../csv.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { namedOrganization } from '../owners.ts'
import { common } from '../shapes/common.ts'
import { wireFields, wireName } from '../snake-case.ts'

const personShape = z.object({
  appointmentId: common.appointmentId,
  startsAt: z.date().describe('When the appointment starts'),
  localStart: z.string().describe('The same on the clocks of its time zone, such as `2024-01-31T09:30:00`'),
  timeZone: z.string().describe('Time zone of the appointment'),
  recipientType: common.recipientType,
  recipientId: common.recipientId,
  name: z.string().nullable().describe('Name of the person; null if your directory has none'),
  contactName: z
    .string()
    .nullable()
    .describe('Who is to be called in place of the person; null if it is the person, or the name is not known'),
  phone: z
    .string()
    .nullable()
    .describe('Phone number to call, in E.164 if it is a valid one; masked for viewers; null if nobody knows one'),
  reason: z.enum(unreachedReasons).describe('What went wrong last; of who cannot be reached at all, why'),
  because: z.string().describe('The reason as a sentence'),
  channel: wireName(
    'notification_type',
    common.channel.nullable().describe('Channel on which it went wrong; null for who cannot be reached at all'),
  ),
  at: z.date().nullable().describe('When it went wrong; null where that is no matter of time'),
  code: wireName(
    'error_code',
    z.string().nullable().describe('Code of the error, such as `smtp_5.1.1`; null if there is none'),
  ),
  nextAt: z.date().nullable().describe('When the next message is due; null if no more will be sent'),
})

const listShape = z.object({
  people: z.array(personShape).describe('The people of this page, by start of the appointment'),
  nextCursor: z.string().nullable().describe('Value of `cursor` for the next page; null on the last page'),
})

function shown(caller: Caller | null, { recipient, ...person }: Unreached): z.input<typeof personShape> {
  const phone = person.phone !== null && isMasked(caller) ? maskAddress(person.phone) : person.phone
  return { ...person, phone, recipientType: recipient.type, recipientId: recipient.id }
}

const fields = wireFields(personShape)
const columns = fields.map(({ name }) => name)
type Cell = string | number | Date | null
const cellsOf = (person: Readonly<Record<string, Cell>>) =>
  fields.map(({ key }) => {
    const value = person[key] ?? null
    return value instanceof Date ? value.toISOString() : value
  })

/** Whom to call. */
export function attentionRoutes({ insight }: Api, ids: HostIds): Route[] {
  const query = unreachedFilter.extend({ organizationId: ids.organization.optional() })
  const row = {
    method: 'GET',
    params: nothing,
    query,
    body: nothing,
    errors: ['organization_not_found'],
    example: { query: { before: '2034-01-31T00:00:00Z', limit: '50' } },
    access: {
      kind: 'members',
      staff: 'viewer',
      self: false,
      owner: (input: { readonly query: z.output<typeof query> }, caller: Caller) =>
        namedOrganization(input.query.organizationId, caller),
    },
  } as const
  return [
    defineRoute({
      ...row,
      id: 'attention.list',
      path: '/attention/',
      summary: 'List people with an appointment ahead whom nothing reached, with the reason and a number to call',
      responses: { 200: listShape },
      async handler({ query: asked, owner, caller }) {
        const { people, nextCursor } = await insight.unreached({ ...asked, organizationId: owner.organizationId })
        return { people: people.map((person) => shown(caller, person)), nextCursor }
      },
    }),
    defineRoute({
      ...row,
      id: 'attention.csv',
      path: '/attention/csv',
      summary: 'The same as a table for spreadsheets (CSV); the header `Link` names the next page, if there is one',
      responses: { 200: contentOf('text/csv') },
      async handler({ query: asked, owner, caller }) {
        const { people, nextCursor } = await insight.unreached({ ...asked, organizationId: owner.organizationId })
        const table = csvOf(
          columns,
          people.map((person) => cellsOf(shown(caller, person))),
        )
        return new Content('text/csv; charset=utf-8', table, {
          'content-disposition': 'attachment; filename="attention.csv"',
          ...(nextCursor !== null && { link: `<csv?${nextQuery(asked, nextCursor)}>; rel="next"` }),
        })
      },
    }),
  ]
}

/** The same request after this page. */
function nextQuery(
  { organizationId, before, limit, unreportedHours }: Readonly<Record<string, unknown>>,
  cursor: string,
): string {
  const all = { organization_id: organizationId, before, unreported_hours: unreportedHours, limit, cursor }
  const given = Object.entries(all).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value instanceof Date ? value.toISOString() : String(value)]],
  )
  return new URLSearchParams(given).toString()
}
