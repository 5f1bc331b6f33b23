/** Fields of JSON that a provider wrote, which may hold anything. */

/** Null: it is no JSON. */
export function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}

export const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined

/** Null: there is no such field, or it is no text. */
export function text(value: unknown, name: string): string | null {
  const found = fieldOf(value, name)
  return typeof found === 'string' ? found : null
}

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
