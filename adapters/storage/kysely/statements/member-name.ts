/** Members of a group are jobs that each has for itself. The groups are the library's own words, without wildcards. */
export const memberName = (group: string, member: string): string => `${group}:${member}`
