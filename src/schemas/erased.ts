/** What stands in place of the address of an erased person: this, and a hash. No address of any channel begins so. */
const prefix = 'hmac:'

export const hashedAddress = (hash: string): string => `${prefix}${hash}`

export const isHashed = (address: string): boolean => address.startsWith(prefix)

/** Why a hashed address is suppressed that only preferences refused. */
export const refusalCodes = { own: 'preferences', by_address: 'preferences_by_opt_out' } as const

/** The row that says that there are hashed addresses: who reads addresses reads it with them. */
export const hashedMark = prefix
