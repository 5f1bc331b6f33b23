import { z } from 'zod'

/** The name of an installed transport. */
export const providerName = (...examples: readonly string[]) =>
  z
    .string()
    .max(50)
    .regex(/^[A-Za-z0-9_-]+$/, 'must be the name of an installed provider')
    .meta({ examples })

export const accountSecret = z.string().min(1).max(1024)

/** The rules of accounts that are a provider's, with a key and a secret, and that send from a number. */
export const providerAccount = {
  transport: { field: 'provider' },
  place: 'provider',
  begun: ['provider', 'apiKey', 'apiSecret'],
  withoutPlace: null,
  names: ({ fromNumber }: { readonly fromNumber: string | null }) => ({ from: fromNumber, fromName: null }),
  hasReplyTo: false,
} as const
