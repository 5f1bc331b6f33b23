import { z } from 'zod'
import { type LinkPurpose, linkPurposes } from '../../schemas/link.ts'
import { acceptedLanguages } from '../accept-language.ts'
import { noOwner } from '../access.ts'
import type { Api } from '../api.ts'
import { Content, contentOf } from '../content.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import { formBody, SentForm } from '../form.ts'
import type { HttpRequest } from '../messages.ts'
import { contentOfPage } from '../pages/page.ts'

/** A longer token is said to be none, with 404, as every other that is not right. */
const params = z.strictObject({ token: z.string().describe('Token of the link').meta({ maxLength: 64 }) })
const form = z.custom<SentForm>((value) => value instanceof SentForm)
const html = contentOf('text/html')
/** People see a page, whatever went wrong. */
const responses = Object.fromEntries(
  [200, 400, 404, 410, 413, 415, 422, 429, 500, 502, 503].map((status) => [status, html]),
)

const shared = (links: Api['links']) =>
  ({
    params,
    query: nothing,
    errors: [],
    example: { params: { token: '0'.repeat(22) } },
    access: { kind: 'link', token: ({ token }: z.output<typeof params>) => token, owner: () => noOwner },
    problemPage: async (status: number, headers: HttpRequest['headers']) =>
      contentOfPage(await links.trouble(status, languagesOf(headers))),
  }) as const

const summaries = {
  confirm: ['Show the page by which somebody confirms an appointment', 'Confirm the appointment'],
  change: ['Show the page by which somebody asks for another time', 'Ask for another time'],
  cancel: ['Show the page by which somebody asks to cancel an appointment', 'Ask to cancel the appointment'],
  preferences: ['Show the page of preferences', 'Save what the person chose there, or stop all messages'],
  unsubscribe: [
    'Show the page by which somebody unsubscribes from one kind of e-mail',
    'Unsubscribe, also by the one click of a mail program (RFC 8058)',
  ],
  contact: ['Show the page by which somebody confirms an address', 'Use the address from now on'],
} as const satisfies Record<LinkPurpose, readonly [string, string]>

/**
 * The pages that links of messages open, in HTML. Showing one changes nothing, since programs that scan mail open every link; the form
 * of the page does.
 */
export const linkRoutes = ({ links }: Api): Route[] => [
  ...linkPurposes.flatMap((purpose) => {
    const [show, act] = summaries[purpose]
    const row = { ...shared(links), path: `/${purpose}/{token}`, responses } as const
    return [
      defineRoute({
        ...row,
        id: `links.${purpose}.show`,
        method: 'GET',
        summary: show,
        body: nothing,
        status: statusOf,
        handler: async ({ params: { token }, received: { headers } }) =>
          contentOfPage(await links.show(purpose, token, languagesOf(headers))),
      }),
      defineRoute({
        ...row,
        id: `links.${purpose}.act`,
        method: 'POST',
        summary: act,
        body: form,
        bodyForm: formBody,
        status: statusOf,
        handler: async ({ params: { token }, body, received: { headers } }) =>
          contentOfPage(await links.act(purpose, token, body, languagesOf(headers))),
      }),
    ]
  }),
  defineRoute({
    ...shared(links),
    id: 'links.calendar',
    method: 'GET',
    path: '/calendar/{token}',
    summary: 'Download the appointment as a calendar file, which the page that confirms it offers',
    responses: { ...responses, 200: contentOf('text/calendar') },
    body: nothing,
    status: statusOf,
    async handler({ params: { token }, received: { headers } }) {
      const file = await links.calendar(token, languagesOf(headers))
      return typeof file === 'string' ? new Content('text/calendar; charset=utf-8', file, asFile) : contentOfPage(file)
    },
  }),
]

/** Nobody but the person keeps it. */
const asFile = {
  'content-disposition': 'attachment; filename="appointment.ics"',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex, nofollow, noarchive',
}

const languagesOf = (headers: HttpRequest['headers']) => acceptedLanguages(headers['accept-language'])

const statusOf = ({ status }: Pick<Content, 'status'>): number => status
