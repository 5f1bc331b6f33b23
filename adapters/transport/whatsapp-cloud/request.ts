import type { FilledTemplate, OutboundMessage } from '../../../src/index.ts'

/**
 * The body of `POST /{version}/{phone-number-id}/messages`, as `TemplateMessage` and `TextMessage` of Meta's OpenAPI description have it
 * (facebook/openapi, business-messaging-api_v23.0.yaml).
 */
export type MessageRequest = Addressed & (TemplateContent | TextContent)

type Addressed = {
  readonly messaging_product: 'whatsapp'
  readonly recipient_type: 'individual'
  /** A phone number; left out for a user id. */
  readonly to?: string
  /** A business-scoped user id. */
  readonly recipient?: string
  /** Comes back in the webhooks about this message. */
  readonly biz_opaque_callback_data: string
}

/** Free text, which Meta takes within 24 hours of the person's own message. */
type TextContent = {
  readonly type: 'text'
  readonly text: { readonly body: string; readonly preview_url: false }
}

type TemplateContent = {
  readonly type: 'template'
  readonly template: {
    readonly name: string
    readonly language: { readonly policy: 'deterministic'; readonly code: string }
    readonly components: readonly {
      readonly type: 'body'
      /** `parameter_name`: of a template whose variables have names. */
      readonly parameters: readonly {
        readonly type: 'text'
        readonly parameter_name?: string
        readonly text: string
      }[]
    }[]
  }
}

/** A message without a template is free text: the library sends one only where the person wrote lately. */
export function requestOf({ to, text, template, notificationId, idempotencyKey }: OutboundMessage): MessageRequest {
  return {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    ...(to.startsWith('+') ? { to } : { recipient: to }),
    ...(template === null
      ? { type: 'text', text: { body: text, preview_url: false } }
      : { type: 'template', template: templateOf(template) }),
    biz_opaque_callback_data: `${notificationId}:${idempotencyKey}`.slice(0, 512),
  }
}

const templateOf = ({ name, language, parameters }: FilledTemplate): TemplateContent['template'] => ({
  name,
  language: { policy: 'deterministic', code: language },
  components: parameters.length === 0 ? [] : [{ type: 'body', parameters: parameters.map(parameterOf) }],
})

const parameterOf = ({ key, value }: FilledTemplate['parameters'][number]) => ({
  type: 'text' as const,
  ...(/^\d/.test(key) ? {} : { parameter_name: key }),
  text: value,
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
