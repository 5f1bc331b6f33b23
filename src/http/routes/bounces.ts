import { z } from 'zod'
import { mailLimit } from '../../services/delivery/bounces.ts'
import { noOwner } from '../access.ts'
import type { Api } from '../api.ts'
import { bytes, defineRoute, nothing, type Route } from '../define-route.ts'

/** Bounced mail, as the mail server of the bounce address hands it over. */
export function bounceRoutes({ bounces }: Api): Route[] {
  if (bounces === null) return []
  return [
    defineRoute({
      id: 'webhooks.bounce',
      method: 'POST',
      path: '/webhooks/bounce',
      summary: 'Hand over a mail that came to the bounce address, as it arrived, signed by Standard Webhooks',
      params: nothing,
      query: nothing,
      body: bytes,
      bodyForm: { kind: 'raw', limit: mailLimit },
      responses: {
        200: z.object({
          report: z
            .enum(['bounced', 'delayed', 'complained', 'none'])
            .describe('What the mail reports; `none` if it is no report, such as an automatic reply'),
          notificationId: z.int().nullable().describe('The message that it quotes; null if it quotes none rightly'),
          updated: z.boolean().describe('False if the report contained nothing new'),
        }),
      },
      errors: [],
      access: { kind: 'provider', require: async () => {}, owner: () => noOwner },
      handler: ({ body, received }) => bounces.receive({ headers: received.headers, body }),
    }),
  ]
}
