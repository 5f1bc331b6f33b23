import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { root } from './manifest.ts'

/** A guide: a Markdown file that is published. `path` below the root. */
export type Guide = { readonly path: string; readonly text: string }
export type Block = { readonly guide: string; readonly line: number; readonly language: string; readonly code: string }

export const guides: readonly Guide[] = globSync('{README.md,{src,adapters,examples,test}/**/README.md}', { cwd: root })
  .sort()
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

export function guide(path: string): string {
  const found = guides.find((one) => one.path === path)
  if (found === undefined) throw new Error(`there is no guide ${path}`)
  return found.text
}

/** One `##` or `###` section of a guide, up to the next heading of its level. */
export function section(path: string, title: string): string {
  const [, marks = '', text = ''] =
    new RegExp(`^(#{2,3}) ${title}$([\\s\\S]*?)(?=^#{2,3} |(?![\\s\\S]))`, 'm').exec(guide(path)) ?? []
  if (marks === '') throw new Error(`${path} has no section "${title}"`)
  return text
}

/** Blocks of code, with the line on which they begin. */
export const blocks: readonly Block[] = guides.flatMap(({ path, text }) =>
  [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    guide: path,
    line: text.slice(0, match.index).split('\n').length,
    language: match[1] ?? '',
    code: match[2] ?? '',
  })),
)
export const programs = blocks.filter(({ language }) => language === 'ts')

/** The programs of the README: what creates the library, which other blocks import as `./notifications.mjs`, and what starts it. */
export const [firstProgram = '', mainProgram = ''] = programs
  .filter((block) => block.guide === 'README.md')
  .map(({ code }) => code)

/** Name of the file that a block is written to, beside `notifications.mts`: the one in its first line, where there is one. */
export const fileOf = ({ guide: path, line, code }: Block): string =>
  /^\/\/ (\S+\.mts)\n/.exec(code)?.[1] ??
  `${path.replace(/\/?README\.md$/, '').replaceAll('/', '-') || 'readme'}-${line}.mts`

/** Packages that the blocks import, without the library and what Node brings. */
export const importedPackages: readonly string[] = [
  ...new Set(programs.flatMap(({ code }) => [...code.matchAll(/ from '([^'.][^']*)'/g)].map(([, name]) => name ?? ''))),
].filter((name) => !/^node:|^appointment-notifications/.test(name))

/** No types come with it, and its own are a package that this project does not need: the part of them that is used. */
export const jsonwebtokenTypes = `declare module 'jsonwebtoken' {
  const jwt: {
    verify(token: string, secret: string, options?: { algorithms?: string[] }): string | { [claim: string]: any; sub?: string }
  }
  export default jwt
}`

/** What stands in backticks, blocks of code left out. */
export const coded = (text: string): string[] =>
  [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '')

/** Relative links: what each leads to, below the root, and its anchor. */
export const linksOf = ({ path, text }: Guide) =>
  [...text.matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].map(([, to = '', anchor = '']) => ({
    target: to === '' ? path : relative(root, normalize(join(root, dirname(path), to))),
    anchor,
  }))

/** As GitHub and npm make them of headings. */
export const anchorsOf = (text: string): string[] =>
  [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,4} (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replace(/\s/g, '-'),
  )
