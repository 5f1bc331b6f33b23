import { z } from 'zod'
import { failureCode, parseInput } from './common.ts'
import { instantInput } from './instant.ts'

const outcomes = ['sent', 'delivered', 'read', 'failed', 'bounced', 'complained'] as const

export const deliveryReceipt = z.strictObject({
  /**
   * What the provider reported. Outcomes have an order: `sent`, `failed`, `delivered`, `read`, `bounced`, `complained`. A
   * report of a lower outcome than the one already known only adds its time. `sent`: the provider accepted the message.
   * `complained`: the person marked it as unwanted; nothing more is sent to the address.
   */
  outcome: z.enum(outcomes),
  /** When it happened. Default: now. */
  at: instantInput.optional(),
  /** Error text of the provider. Before it is stored it is shortened, and addresses in it are removed. */
  error: z.string().max(10_000).nullable().optional(),
  /** Short error code without contact data, such as `twilio_30006`. Default `reported`. */
  code: failureCode.optional(),
  /** The provider's message id. With it, the failure of an earlier attempt does not change the result of a later one. */
  messageId: z.string().min(1).max(1000).nullable().optional(),
  /** True: a temporary failure. The message is tried again, at most twice, while it is useful. Default false. */
  transient: z.boolean().optional(),
  /**
   * True: it failed because the person opted out. Nothing more is sent to the address until there is a new consent. Default
   * false.
   */
  optedOut: z.boolean().optional(),
  /**
   * True: it failed because the address does not exist. The address is suppressed if this is reported again on another day,
   * without a message accepted in between. Default false.
   */
  addressUnknown: z.boolean().optional(),
})
/** What a provider reports about a message. */
export type DeliveryReceipt = z.infer<typeof deliveryReceipt>

const report = z.strictObject({
  /** Id of the notification, as `send` of the transport received it. */
  notificationId: z.int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  /** The provider's message id, as `send` returned it. */
  messageId: z.string().min(1).max(1000).optional(),
  /** Address of the recipient in the channel's normal form. A message to another address does not match. */
  to: z.string().min(1).max(1000).optional(),
  /** The key that `send` received. A message sent with another key does not match. */
  idempotencyKey: z.string().min(1).max(1000).optional(),
  /** What is reported. */
  receipt: deliveryReceipt,
})
/** A provider's report about one message, which is found by `notificationId` or `messageId`. */
export type ProviderReport = z.infer<typeof report>

/**
 * Reads a report that came as JSON.
 * @throws NotificationError `invalid_input` naming what is wrong.
 */
export const readProviderReport = (given: unknown): ProviderReport => parseInput(report, given, 'report')

/** Whether a report is valid: one from a transport written in plain JavaScript may not be. */
export const isProviderReport = (given: unknown): boolean => report.safeParse(given).success
