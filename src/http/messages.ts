/** A request, independent of the framework that received it. */
export type HttpRequest = {
  /** Upper case. */
  readonly method: string
  /** Below the mount point, percent-encoded as it arrived: `/settings/7f3d`. */
  readonly path: string
  /** Without the question mark; '' if there is none. */
  readonly query: string
  /** Names in lower case; for repeated headers the first value, or all values joined by the framework. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Who sends it, as the framework knows it: the address of the other end, or behind proxies that it trusts what they say. */
  readonly sender?: string | null | undefined
  /** The framework's own request, for `authenticate`, with whatever a session middleware added to it. */
  readonly native: unknown
  /** Reads the body, once. Rejects with `payload_too_large` as soon as it is longer than `limit` bytes. */
  readBody(limit: number): Promise<HttpBody>
}

/**
 * The bytes that arrived, or what the host application already parsed from them (with the bytes, if it kept them). `decoded`:
 * the host has undone their `Content-Encoding`, if any.
 */
export type HttpBody =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly decoded?: boolean }
  | { readonly kind: 'parsed'; readonly value: unknown; readonly bytes: Uint8Array | null }

/** Complete before the first byte is written. `body` is null for HEAD and 204; `content-length` is among the headers. */
export type HttpResponse = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}
