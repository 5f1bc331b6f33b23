/**
 * Stands in for Meta's Cloud API on this machine: takes every template, and prints it. `node examples/clinic/whatsapp-stand-in.ts`,
 * and WHATSAPP_API_BASE_URL=http://127.0.0.1:8090 for the clinic.
 */
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { z } from 'zod'

const request = z.object({
  /** A number; or in its place a user id. */
  to: z.string().optional(),
  recipient: z.string().optional(),
  template: z.object({
    name: z.string(),
    language: z.object({ code: z.string() }),
    components: z.array(z.object({ parameters: z.array(z.object({ text: z.string() })) })),
  }),
})

let count = 0
const server = createServer(async (asked, response) => {
  const read = request.safeParse(await json(asked).catch(() => null))
  const answer = (status: number, body: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  if (!read.success) return answer(400, { error: { message: 'Invalid parameter', type: 'OAuthException', code: 100 } })
  const { to, recipient, template } = read.data
  const values = template.components.flatMap(({ parameters }) => parameters.map(({ text }) => text))
  console.log(`WhatsApp to ${to ?? recipient}: ${template.name} (${template.language.code}): ${values.join(' | ')}`)
  count += 1
  answer(200, { messaging_product: 'whatsapp', contacts: [], messages: [{ id: `wamid.${count}` }] })
})
server.listen(Number(process.env['PORT'] ?? 8090), '127.0.0.1', () => {
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : ''}`)
})
