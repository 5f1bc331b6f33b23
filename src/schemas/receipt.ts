import { z } from 'zod'
import { failureCode, parseInput } from './common.ts'
import { instantInput } from './instant.ts'

const outcomes = ['sent', 'delivered', 'read', 'failed', 'bounced', 'complained'] as const

export const deliveryReceipt = z.strictObject({
  /**
   * In order: each stands above those before it, and a report below what is known only adds its time. `sent`: the provider accepted
   * it. `complained`: the person reported it as unwanted, and nothing more is sent to the address.
   */
  outcome: z.enum(outcomes),
  /** When it happened. Default: now. */
  at: instantInput.optional(),
  /** Why it failed; shortened, and addresses in it are taken out before it is stored. */
  error: z.string().max(10_000).nullable().optional(),
  /** Why it failed, as a short word without contact data, such as `twilio_30006`. Default `reported`. */
  code: failureCode.optional(),
  /** The provider's id of the message: a failure of an earlier attempt changes nothing then. */
  messageId: z.string().min(1).max(1000).nullable().optional(),
  /** True: it failed for the moment. It is tried again, at most twice, while it is of use. Default false. */
  transient: z.boolean().optional(),
  /** True: it failed because the person opted out. Nothing more is sent to the address until a new consent. Default false. */
  optedOut: z.boolean().optional(),
  /**
   * True: it failed because nobody has the address. If the same is reported on another day, with no message accepted in between,
   * nothing more is sent to it. Default false.
   */
  addressUnknown: z.boolean().optional(),
})
/** What a provider reports of a message. */
export type DeliveryReceipt = z.infer<typeof deliveryReceipt>

const report = z.strictObject({
  notificationId: z.int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  messageId: z.string().min(1).max(1000).optional(),
  to: z.string().min(1).max(1000).optional(),
  idempotencyKey: z.string().min(1).max(1000).optional(),
  receipt: deliveryReceipt,
})
/**
 * What a provider reports of one message, which is found by `notificationId`, as `send` got it, or by `messageId`, as `send` returned it.
 * `to`: the recipient in the channel's normal form; a message that went to somebody else is not the one. `idempotencyKey`: as `send` got
 * it; a message that was sent under another one is not the one.
 */
export type ProviderReport = z.infer<typeof report>

/** A report that came as JSON. @throws NotificationError `invalid_input` naming what is wrong with it. */
export const readProviderReport = (given: unknown): ProviderReport => parseInput(report, given, 'report')

/** Whether a report can be read, which one of a transport in plain JavaScript need not be. */
export const isProviderReport = (given: unknown): boolean => report.safeParse(given).success
