/** What the directory of a host answers, or does not. */
import type { Directory } from '../../src/index.ts'
import { organizationId } from '../support/clinic.ts'
import { type BrokenSetUp, type Host, minute, openHost, service } from './host.ts'

/** Has the host answer something else from now on, and a reminder falls due. */
async function answering(changes: (host: Host['host']) => Partial<Record<keyof Directory, unknown>>) {
  const host = await openHost({ isBooked: false })
  const startsAt = new Date(host.clock.now().getTime() + 61 * minute)
  host.host.book({ id: 1, startsAt })
  await host.notifications.scheduleReminders(1, { customReminders: [1] })
  Object.assign(host.host, changes(host.host))
  await host.clock.advance(3 * minute)
  return host
}

const changed = (fields: object) =>
  answering((own) => {
    const real = own.appointments.bind(own)
    return { appointments: async (ids: readonly number[]) => (await real(ids)).map((row) => ({ ...row, ...fields })) }
  })

export const directories: readonly BrokenSetUp[] = [
  {
    name: 'a directory without "recipients"',
    make: async () => {
      const host = await openHost()
      Object.assign(host.host, { recipients: undefined })
      await host.request('PUT', '/preferences/patient/12', service, { sms_enabled: false })
      return host
    },
    log: /request failed.*options_invalid.*directory\\" has no method \\"recipients\\"/,
    health: /request failed[^}]*directory\\" has no method \\"recipients\\"/,
    status: 'ok',
    staff: null,
  },
  {
    name: 'a method that throws',
    make: () => {
      const down = () => Promise.reject(Object.assign(new Error('ada@example.org'), { code: 'ECONNREFUSED' }))
      return answering(() => ({ appointments: down }))
    },
    log: /directory method failed.*"method":"appointments".*ECONNREFUSED/,
    health: /"method":"appointments","status":"failing"[^}]*"fault":"Error \(ECONNREFUSED\)"/,
    status: 'failing',
  },
  {
    name: 'a method that never answers',
    make: () => answering(() => ({ appointments: () => new Promise(() => {}) })),
    log: /directory method failed.*"method":"appointments".*no response in time/,
    health: /"method":"appointments","status":"failing"[^}]*"fault":"no response in time"/,
    status: 'failing',
  },
  {
    name: 'an answer that is no list',
    make: () => answering(() => ({ appointments: async () => ({ rows: [] }) })),
    log: /directory.*"method":"appointments".*not an array/,
    health: /"method":"appointments","status":"(?:failing|degraded)"[^}]*not an array/,
    status: 'failing',
  },
  {
    name: 'a method that throws for one organization',
    make: () =>
      answering((own) => {
        const real = own.organizations.bind(own)
        const organizations = async (ids: readonly string[]) => {
          if (ids.includes(organizationId)) throw new Error('its database is down')
          return real(ids)
        }
        return { organizations }
      }),
    log: /directory.*"method":"organizations"/,
    health: /"method":"organizations","status":"(?:failing|degraded)"/,
    status: 'failing',
  },
  {
    name: 'rows with a word that is no status',
    make: () => changed({ status: 'booked' }),
    log: /directory row is invalid.*status must be one of scheduled/,
    health: /"method":"appointments".*?"unreadable":\{"count":1,"ids":\[1\],"fault":"status must be one of scheduled/,
    status: 'degraded',
  },
  {
    name: 'rows with fields of other names',
    make: () =>
      changed({ recipients: [{ type: 'PATIENT', id: 12, mail: 'ada@example.org', phoneNumber: '+14155550123' }] }),
    log: /directory row has invalid fields.*mail .*did you mean \\"email\\"/,
    health: /"ignored":\[\{"field":"recipients\[\]\.mail","message":"[^}]*did you mean \\"email\\"/,
    status: 'ok',
  },
  {
    name: 'ids of the wrong kind',
    make: () => changed({ id: '1' }),
    log: /directory row is invalid.*id must be an integer/,
    health: /"unreadable":\{"count":1,"ids":\[1\],"fault":"id must be an integer/,
    status: 'degraded',
  },
  {
    name: 'a zone that is an abbreviation',
    make: () => changed({ timeZone: 'BST' }),
    log: /directory row is invalid.*timeZone .*Europe\/London/,
    health: /"unreadable":\{"count":1.*timeZone [^}]*Europe\/London/,
    status: 'degraded',
  },
  {
    name: 'a directory that suddenly knows far fewer appointments',
    make: async () => {
      const host = await openHost({ isBooked: false })
      const ids = Array.from({ length: 30 }, (_, index) => index + 1)
      for (const id of ids) host.host.book({ id, startsAt: '2026-03-25T12:00:00Z' })
      await host.notifications.scheduleMany(ids)
      host.host.appointmentRows.clear()
      await host.reconcile()
      await host.clock.advance(6 * minute)
      await host.reconcile()
      return host
    },
    log: /reconciliation refused: too many appointments are missing from the directory/,
    health: /reconciliation refused: too many appointments are missing from the directory","details":"gone: 30/,
    status: 'ok',
    staff: null,
  },
]
