/**
 * All channels by name, in the order in which they are planned, shown and listed. A further one is a name here and a line in
 * `index.ts`. Apart from what is known of them, so that a transport of every channel does not load all that.
 */
const names = ['EMAIL', 'SMS', 'WHATSAPP'] as const

/** The name of a channel: `EMAIL`, `SMS`. */
export type Channel = (typeof names)[number]

/** All channels, in the order in which they are planned, shown and listed. */
export const channels: readonly Channel[] = names
