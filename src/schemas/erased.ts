/** What stands in place of the address of an erased person: this, and a hash. No address of any channel begins so. */
const prefix = 'hmac:'

export const hashedAddress = (hash: string): string => `${prefix}${hash}`

export const isHashed = (address: string): boolean => address.startsWith(prefix)

/** The row that says that there are hashed addresses: who reads addresses reads it with them. */
export const hashedMark = prefix
