import { NotificationError } from '../errors.ts'

/** The rows of a path by method, and the values of its `{parameters}`. */
export type Match<Row> = {
  readonly rows: ReadonlyMap<string, Row>
  readonly params: Readonly<Record<string, string>>
}

type Node<Row> = {
  readonly statics: Map<string, Node<Row>>
  param: { readonly name: string; readonly node: Node<Row> } | null
  readonly rows: Map<string, Row>
}

/**
 * Finds rows by path. A fixed segment wins over a parameter, and a trailing slash makes no difference.
 * @throws NotificationError `bad_request` for a path with broken percent-encoding.
 */
export function createMatcher<Row extends { readonly method: string; readonly path: string }>(
  table: readonly Row[],
): (path: string) => Match<Row> | null {
  const root = emptyNode<Row>()
  for (const row of table) {
    let node = root
    for (const segment of segmentsOf(row.path)) node = child(node, segment)
    node.rows.set(row.method, row)
  }
  return (path) => find(root, segmentsOf(path), 0, {})
}

const emptyNode = <Row>(): Node<Row> => ({ statics: new Map(), param: null, rows: new Map() })

function child<Row>(node: Node<Row>, segment: string): Node<Row> {
  if (segment.startsWith('{')) {
    node.param ??= { name: segment.slice(1, -1), node: emptyNode<Row>() }
    return node.param.node
  }
  const found = node.statics.get(segment) ?? emptyNode<Row>()
  node.statics.set(segment, found)
  return found
}

const segmentsOf = (path: string): string[] => path.replace(/^\//, '').replace(/\/$/, '').split('/')

function find<Row>(
  node: Node<Row>,
  segments: readonly string[],
  index: number,
  params: Readonly<Record<string, string>>,
): Match<Row> | null {
  const segment = segments[index]
  if (segment === undefined) return node.rows.size === 0 ? null : { rows: node.rows, params }
  const fixed = node.statics.get(segment)
  const found = fixed === undefined ? null : find(fixed, segments, index + 1, params)
  if (found !== null || node.param === null || segment === '') return found
  return find(node.param.node, segments, index + 1, { ...params, [node.param.name]: decode(segment) })
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new NotificationError(
      'bad_request',
      'The path contains a percent sign that does not begin an encoded character.',
    )
  }
}
