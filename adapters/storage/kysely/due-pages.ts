/** Earliest first, as a page of due rows is told. */
export const byDueTime = (one: Due, other: Due): number => at(one) - at(other) || one.id - other.id

type Due = { readonly id: number; readonly dueAt: Date | null }

const at = ({ dueAt }: Due): number => dueAt?.getTime() ?? 0
