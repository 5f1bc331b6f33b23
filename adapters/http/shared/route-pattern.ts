/** Patterns of mount points, by route; one for each route the host mounts. */
const mountPoints = new Map<string, RegExp>()

/** The part of `path` below the mount point of `route`, which is the route without a last segment that matches the rest. */
export function belowRoute(path: string, route: string): string {
  const known = mountPoints.get(route) ?? mountPoint(route)
  mountPoints.set(route, known)
  return path.slice(known.exec(path)?.[0].length ?? 0) || '/'
}

function mountPoint(route: string): RegExp {
  const segments = segmentsOf(route)
  const last = segments.at(-1)
  const fixed = last !== undefined && matchesRest(last) ? segments.slice(0, -1) : segments
  return new RegExp(`^${fixed.map((segment) => `/${sourceOf(segment)}`).join('')}(?=/|$)`)
}

/** A slash inside the braces of a parameter's pattern does not end a segment. */
function segmentsOf(route: string): string[] {
  const segments: string[] = []
  let depth = 0
  let segment = ''
  for (const character of route) {
    if (character === '{') depth += 1
    if (character === '}') depth -= 1
    if (character === '/' && depth === 0) {
      if (segment !== '') segments.push(segment)
      segment = ''
    } else segment += character
  }
  return segment === '' ? segments : [...segments, segment]
}

const matchesRest = (segment: string): boolean =>
  segment === '*' || (patternOf(segment) !== null && new RegExp(`^${sourceOf(segment)}$`).test('several/segments'))

/** The part in braces of `:year{[0-9]+}`. */
const patternOf = (segment: string): string | null => /^:[^{}]+\{(.+)\}$/.exec(segment)?.[1] ?? null

function sourceOf(segment: string): string {
  const pattern = patternOf(segment)
  if (pattern !== null) return `(?:${pattern})`
  return segment === '*' || segment.startsWith(':') ? '[^/]+' : segment.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
