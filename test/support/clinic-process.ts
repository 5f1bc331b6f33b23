import { join } from 'node:path'
import { type ExampleProcess, startExample } from './example-process.ts'
import { keyOf } from './keys.ts'

export type ClinicProcess = ExampleProcess

/** The token of the example clinic's own backend. */
export const serviceToken = 'clinic-demo-token'

/** Where it is set, the library's rows of the clinics are there, and not in a file: in no schema that they could share. */
export const clinicDatabase = 'CLINIC_DATABASE_URL'

/** Starts examples/clinic as a process of its own, with its database in `folder`. */
export const startClinic = (
  folder: string,
  twilioUrl: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ClinicProcess> =>
  startExample('examples/clinic/main.ts', {
    PORT: '0',
    ...(process.env[clinicDatabase] ? { DATABASE_URL: process.env[clinicDatabase] } : {}),
    DATABASE_FILE: join(folder, 'clinic.sqlite'),
    NOTIFICATIONS_ENCRYPTION_KEY: keyOf(3),
    ALLOW_PRIVATE_SMTP_HOSTS: 'true',
    TWILIO_API_BASE_URL: twilioUrl,
    ...env,
  })
