/**
 * A page that shows the description of the API, with files that the library serves next to it. Its
 * Content-Security-Policy allows no inline scripts, and nothing to be loaded from elsewhere.
 */
export interface DocsPage {
  /**
   * The page as HTML. `base` is the relative path from the page to the mount point (`.` or `..`): the description is at
   * `${base}/openapi.json`, the files are at `${base}/docs/{name}`.
   */
  page(base: string): Promise<string>
  /** A file of the page; null if there is none of this name. Clients may cache it for an hour. */
  asset(name: string): Promise<DocsAsset | null>
}

/** A file of the documentation page. */
export type DocsAsset = {
  /** Including the charset: `text/css; charset=utf-8`. */
  readonly contentType: string
  readonly text: string
}
