/** A request as the handler sees it, whatever framework received it. */
export type HttpRequest = {
  /** Upper case. */
  readonly method: string
  /** Below the mount point, percent-encoded as it arrived: `/settings/7f3d`. */
  readonly path: string
  /** Without the question mark; '' if there is none. */
  readonly query: string
  /** Names in lower case; of repeated headers the first, or all joined by the framework. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The framework's own request, for `authenticate`: what a session middleware put there, say. */
  readonly native: unknown
  /** Reads the body, once. Rejects with `payload_too_large` as soon as it is longer than `limit` bytes. */
  readBody(limit: number): Promise<HttpBody>
}

/**
 * The bytes that arrived, or what the host application parsed of them before (with the bytes, if it kept them). `decoded`:
 * the host undid their `Content-Encoding`, if they had one.
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
