import { createHash, timingSafeEqual } from 'node:crypto'
import type { Caller } from 'appointment-notifications'
import type { ClinicDatabase } from './database.ts'

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Who calls, by bearer token: the backend itself, or someone for whom the backend made a token. */
export function callerOf(
  database: ClinicDatabase,
  serviceToken: string,
  authorization: string | undefined,
): Caller | null {
  const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) return null
  if (timingSafeEqual(digest(token), digest(serviceToken))) return { kind: 'service' }
  const row = database.token(token)
  if (row === undefined) return null
  const { kind, organization_id: organizationId, person_id: id, role } = row
  if (kind === 'staff') return { kind, organizationId, role: role ?? 'viewer' }
  return id === null ? null : { kind, organizationId, id }
}
