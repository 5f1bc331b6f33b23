import type { Actor } from '../../schemas/audit.ts'
import type { TemplateContent, TemplateVersion } from '../../schemas/template-versions.ts'

/** A version of an organization's templates, with its texts. */
export type TemplateVersionRow = TemplateVersion & {
  readonly organizationId: string
  readonly content: TemplateContent
}

/** Reads versions of templates. */
export interface TemplateVersionQueries {
  /** Versions of an organization, the newest first, without what they say. `before`: the last version of the page before. */
  list(query: {
    readonly organizationId: string
    readonly before?: number
    readonly limit: number
  }): Promise<TemplateVersion[]>
  /** The numbers of versions of an organization that nobody published, the oldest first. */
  drafts(organizationId: string, limit: number): Promise<number[]>
  /** Null: there is none. */
  get(organizationId: string, version: number): Promise<TemplateVersionRow | null>
}

/** Published versions are written with the settings (`SettingsCommands`). Commands of `src/records`. */
export interface TemplateVersionCommands {
  /** Keeps a draft. Null: the organization has no settings, or another version than `basedOn` is published by now. */
  draft(draft: NewDraft): Promise<TemplateVersion | null>
  /** Deletes a draft; its number is not given again. Null: there is none of that number, or it is published. */
  discard(draft: DiscardedDraft): Promise<TemplateVersion | null>
}
/** A draft to store. */
export type NewDraft = {
  readonly organizationId: string
  /** The published version that `content` was made from; null: none was published. */
  readonly basedOn: number | null
  readonly content: TemplateContent
  readonly at: Date
  readonly by: Actor
}
/** A draft to delete. */
export type DiscardedDraft = Pick<NewDraft, 'organizationId' | 'at' | 'by'> & { readonly version: number }

export type TemplateVersionStore = TemplateVersionQueries & TemplateVersionCommands
