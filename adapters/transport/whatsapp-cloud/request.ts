import { type FilledTemplate, type OutboundMessage, TransportError } from '../../../src/index.ts'

/**
 * The body of `POST /{version}/{phone-number-id}/messages` for a template, as `TemplateMessage` of Meta's OpenAPI description has it
 * (facebook/openapi, business-messaging-api_v23.0.yaml).
 */
export type TemplateRequest = {
  readonly messaging_product: 'whatsapp'
  readonly recipient_type: 'individual'
  /** A phone number; left out for a user id. */
  readonly to?: string
  /** A business-scoped user id. */
  readonly recipient?: string
  readonly type: 'template'
  readonly template: {
    readonly name: string
    readonly language: { readonly policy: 'deterministic'; readonly code: string }
    readonly components: readonly {
      readonly type: 'body'
      readonly parameters: readonly { readonly type: 'text'; readonly text: string }[]
    }[]
  }
  /** Comes back in the webhooks about this message. */
  readonly biz_opaque_callback_data: string
}

/** @throws TransportError for a message without a template, which WhatsApp refuses from whoever begins. */
export function requestOf({ to, template, notificationId, idempotencyKey }: OutboundMessage): TemplateRequest {
  if (template === null) {
    throw new TransportError('WhatsApp takes nothing but approved templates.', {
      outcome: 'permanent',
      code: 'whatsapp_no_template',
    })
  }
  return {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    ...(to.startsWith('+') ? { to } : { recipient: to }),
    type: 'template',
    template: templateOf(template),
    biz_opaque_callback_data: `${notificationId}:${idempotencyKey}`.slice(0, 512),
  }
}

const templateOf = ({ name, language, parameters }: FilledTemplate): TemplateRequest['template'] => ({
  name,
  language: { policy: 'deterministic', code: language },
  components:
    parameters.length === 0
      ? []
      : [{ type: 'body', parameters: parameters.map(({ value }) => ({ type: 'text', text: value })) }],
})

/** What was sent along with the message, and Meta gives back; null: it is of another sender of the same number. */
export function sentAs(
  callbackData: string,
): { readonly notificationId: number; readonly idempotencyKey: string } | null {
  const [, id, idempotencyKey] = /^([1-9]\d{0,15}):(.+)$/.exec(callbackData) ?? []
  const notificationId = Number(id)
  if (idempotencyKey === undefined || !Number.isSafeInteger(notificationId)) return null
  return { notificationId, idempotencyKey }
}
