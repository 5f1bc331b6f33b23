import { z } from 'zod'
import { noOwner } from '../access.ts'
import type { Api } from '../api.ts'
import { rawBody } from '../body.ts'
import { Content, contentOf } from '../content.ts'
import { bytes, defineRoute, nothing, type Route } from '../define-route.ts'

const place = z.strictObject({
  transport: z.string().max(100).describe('Name of the transport, such as `twilio`'),
  accountId: z
    .string()
    .max(300)
    .describe(
      'Id of the account, as `effective-settings` returns it; for a transport without accounts the channel: `email`, `sms`',
    ),
})
const none = new Uint8Array()

/** What providers report of messages, at the path of the account that sent them; the signature is the only credential. */
export function webhookRoutes({ webhooks }: Api): Route[] {
  const row = {
    params: place,
    query: nothing,
    responses: { 200: contentOf('text/plain', 'text/xml') },
    errors: ['not_found', 'signature_invalid', 'forbidden'],
    example: { params: { transport: 'twilio', account_id: '5f0c1d3a9b7e4c2d8a6f1e0b3c5d7a9f-sms' } },
    access: {
      kind: 'provider',
      require: ({ transport, accountId }: z.output<typeof place>) => webhooks.find(transport, accountId),
      owner: () => noOwner,
    },
  } as const
  return [
    defineRoute({
      ...row,
      id: 'webhooks.receive',
      method: 'POST',
      path: '/webhooks/{transport}/{account_id}',
      summary: "Receive a provider's reports on messages of an account",
      body: bytes,
      bodyForm: rawBody,
      async handler({ params: { transport, accountId }, body, path, received }) {
        const { type, text } = await webhooks.receive(transport, accountId, { ...received, method: 'POST', path, body })
        return new Content(`${type}; charset=utf-8`, text, {})
      },
    }),
    defineRoute({
      ...row,
      id: 'webhooks.handshake',
      method: 'GET',
      path: '/webhooks/{transport}/{account_id}',
      summary: "Answer a provider's question whether the webhook of an account is ours",
      body: nothing,
      async handler({ params: { transport, accountId }, path, received }) {
        const request = { ...received, method: 'GET', path, body: none } as const
        const { type, text } = await webhooks.receive(transport, accountId, request)
        return new Content(`${type}; charset=utf-8`, text, {})
      },
    }),
  ]
}
