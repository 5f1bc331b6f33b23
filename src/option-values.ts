import { z } from 'zod'
import { defaultRetryPolicy } from './domain/retry.ts'
import { rateLimitShape } from './http/rate-limit-options.ts'
import { isWebhookSecret } from './security/standard-webhooks.ts'

/** The options that are plain values; all others are left out. */
export const plainOptions = z.object({
  sendCap: z
    .union([z.literal(false), z.strictObject({ perDay: z.int().min(1), reminders: z.boolean().default(false) })])
    .default({ perDay: 10_000, reminders: false }),
  revokePrevious: z.boolean().default(false),
  publicUrl: z.url({ protocol: /^https?$/ }).optional(),
  allowedOrigins: z
    .array(
      z
        .string()
        .regex(
          /^[a-z][a-z0-9+.-]*:\/\/[^/?#*\s]+$/i,
          'must be an origin such as "https://app.clinic.example", without a path',
        ),
    )
    .default([]),
  leaseMs: z.int().min(5000).max(3_600_000).default(60_000),
  sendTimeoutMs: z.int().min(1000).max(3_600_000).default(1_200_000),
  leadMs: z.int().min(0).max(86_400_000).default(60_000),
  settleMs: z.int().min(0).max(3_600_000).default(60_000),
  sweepMs: z.int().min(100).max(86_400_000).default(30_000),
  reconcileMs: z
    .union([z.literal([false, 0]), z.int().min(60_000).max(604_800_000)], 'must be 60000 to 604800000, or 0 or false')
    .default(21_600_000)
    .transform((ms) => (ms === false || ms === 0 ? null : ms)),
  drainMs: z.int().min(0).max(3_600_000).default(10_000),
  directoryTimeoutMs: z.int().min(100).max(300_000).default(10_000),
  hookTimeoutMs: z.int().min(100).max(300_000).default(10_000),
  retry: z
    .strictObject({
      maxRetries: z
        .union([z.int().min(0).max(1_000_000), z.literal(Number.POSITIVE_INFINITY)])
        .default(defaultRetryPolicy.maxRetries),
      baseMs: z.int().min(1).default(defaultRetryPolicy.baseMs),
      factor: z.number().min(1).max(100).default(defaultRetryPolicy.factor),
      maxMs: z.int().min(1).default(defaultRetryPolicy.maxMs),
    })
    .prefault({}),
})

const has = (...methods: readonly string[]) =>
  z.custom<object>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((method) => method in value && typeof Reflect.get(value, method) === 'function'),
    `must be an object with the method${methods.length === 1 ? '' : 's'} ${methods.join(', ')}`,
  )
const call = z.custom<object>((value) => typeof value === 'function', 'must be a function')
const idKind = z.enum(['integer', 'text']).optional()

/** With a concurrency of 0 or NaN nothing would ever be sent, without an error: NaN is what an unset variable becomes. */
function maySend(transport: object): boolean {
  const concurrency: unknown = Reflect.get(transport, 'concurrency')
  return concurrency === undefined || (typeof concurrency === 'number' && concurrency >= 1)
}

const webhookSecret = z
  .string()
  .refine(isWebhookSecret, 'must be "whsec_" and 24 to 64 bytes as base64: echo whsec_$(openssl rand -base64 32)')

/** Checks what a host written in JavaScript may get wrong; the values are kept as they are. */
export const shape = z.strictObject({
  storage: has('migrate', 'ping', 'close'),
  directory: has('appointments', 'organizations'),
  transports: z.array(has('send').refine(maySend, 'must have a concurrency of at least 1, or none')),
  encryptionKey: z.union([z.string(), z.array(z.string())]).optional(),
  scheduler: has('start', 'wakeAt', 'stop').optional(),
  env: z.looseObject({}).optional(),
  languages: z.array(z.looseObject({})).optional(),
  variables: z.looseObject({}).optional(),
  ids: z.strictObject({ appointment: idKind, recipient: idKind, waitlistEntry: idKind }).optional(),
  retry: z.looseObject({}).optional(),
  authenticate: call.optional(),
  rateLimits: rateLimitShape.optional(),
  revokePrevious: z.boolean().optional(),
  publicUrl: z.string().optional(),
  allowedOrigins: z.array(z.string()).optional(),
  sendCap: z.union([z.looseObject({}), z.literal(false)]).optional(),
  taskManager: z.looseObject({}).optional(),
  calendar: has('load', 'write').optional(),
  mailLayout: call.optional(),
  docs: has('page', 'asset').optional(),
  hooks: z
    .strictObject({
      onConfirm: call.optional(),
      onChangeRequest: call.optional(),
      onCancelRequest: call.optional(),
      onReply: call.optional(),
    })
    .optional(),
  hookTimeoutMs: z.number().optional(),
  bounces: has('read').optional(),
  webhookSecret: z.union([webhookSecret, z.array(webhookSecret)]).optional(),
  leaseMs: z.number().optional(),
  sendTimeoutMs: z.number().optional(),
  leadMs: z.number().optional(),
  settleMs: z.number().optional(),
  sweepMs: z.number().optional(),
  reconcileMs: z.union([z.number(), z.literal(false)]).optional(),
  drainMs: z.number().optional(),
  directoryTimeoutMs: z.number().optional(),
  logger: has('debug', 'info', 'warn', 'error').optional(),
  clock: has('now', 'elapsedMs', 'setTimer', 'after').optional(),
  random: call.optional(),
  traceContext: call.optional(),
})
