import type { Transport } from 'appointment-notifications'

/** For libraries that only plan. */
export const silent: Transport = {
  name: 'silent',
  channels: ['EMAIL', 'SMS'],
  needsAccount: false,
  send: () => Promise.reject(new Error('nothing is sent here')),
}
