/**
 * A page that shows the description of the API, made of files that the library serves beside it. It is served with a
 * Content-Security-Policy that lets it load nothing from anywhere else, and run no inline script.
 */
export interface DocsPage {
  /**
   * The page as HTML. `base` leads from its URL to the mount point (`.` or `..`): the description is at
   * `${base}/openapi.json`, the files at `${base}/docs/{name}`.
   */
  page(base: string): Promise<string>
  /** A file of the page; null where there is none of this name. Clients may keep it for an hour. */
  asset(name: string): Promise<DocsAsset | null>
}

export type DocsAsset = {
  /** With its charset: `text/css; charset=utf-8`. */
  readonly contentType: string
  readonly text: string
}
