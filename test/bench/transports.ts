import type { Transport } from 'appointment-notifications'
import type { Outlet } from './contest.ts'

const refuse = () => Promise.reject(new Error('nothing is sent here'))

/** For libraries that only plan. */
export const silent: Transport = {
  name: 'silent',
  channels: ['EMAIL', 'SMS'],
  needsAccount: false,
  send: refuse,
}

export const planOnly: Outlet = { transport: silent, env: {}, deliver: refuse }
