/** FNV-1a over UTF-16 units, 32 bits: tells template revisions apart, protects nothing. */
export function hashOf(text: string, seed = 0x811c9dc5): number {
  let hash = seed
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}

export const hex = (hash: number): string => hash.toString(16).padStart(8, '0')
