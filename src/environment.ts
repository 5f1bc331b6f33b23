import { z } from 'zod'
import { asOptions } from './schemas/as-options.ts'
import { parseInput } from './schemas/common.ts'
import type { ChannelDefaults } from './services/providers.ts'

const set = z
  .string()
  .optional()
  .transform((text) => (text === undefined || text.trim() === '' ? null : text.trim()))

const environment = z.object({
  DEFAULT_SMTP_HOST: set,
  DEFAULT_SMTP_PORT: set.transform((text) => (text === null ? 587 : Number(text))).pipe(z.int().min(1).max(65_535)),
  DEFAULT_EMAIL_USERNAME: set,
  DEFAULT_EMAIL_PASSWORD: set,
  DEFAULT_EMAIL_FROM_ADDRESS: set,
  DEFAULT_EMAIL_FROM_NAME: set,
  DEFAULT_SMS_PROVIDER: set,
  DEFAULT_SMS_API_KEY: set,
  DEFAULT_SMS_API_SECRET: set,
  DEFAULT_SMS_FROM_NUMBER: set,
  NOTIFICATIONS_ENCRYPTION_KEY: set,
})

/** @throws NotificationError `options_invalid` naming the variable. */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): {
  readonly defaults: ChannelDefaults
  readonly encryptionKey: string | null
} {
  const env = asOptions(() => parseInput(environment, { ...variables }, 'environment variables'))
  return { defaults: defaultsOf(env), encryptionKey: env.NOTIFICATIONS_ENCRYPTION_KEY }
}

function defaultsOf(env: z.output<typeof environment>): ChannelDefaults {
  const username = env.DEFAULT_EMAIL_USERNAME
  return {
    email:
      env.DEFAULT_SMTP_HOST === null
        ? null
        : {
            host: env.DEFAULT_SMTP_HOST,
            port: env.DEFAULT_SMTP_PORT,
            username,
            password: env.DEFAULT_EMAIL_PASSWORD,
            // The document knows no variable for the sender; its user names are addresses.
            fromAddress: env.DEFAULT_EMAIL_FROM_ADDRESS ?? (username?.includes('@') ? username : null),
            fromName: env.DEFAULT_EMAIL_FROM_NAME,
          },
    sms:
      env.DEFAULT_SMS_PROVIDER === null
        ? null
        : {
            provider: env.DEFAULT_SMS_PROVIDER,
            apiKey: env.DEFAULT_SMS_API_KEY,
            apiSecret: env.DEFAULT_SMS_API_SECRET,
            fromNumber: env.DEFAULT_SMS_FROM_NUMBER,
          },
  }
}
