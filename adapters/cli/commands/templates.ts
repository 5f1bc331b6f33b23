import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Template, TemplateSet, TemplatesInput } from '../../../src/index.ts'
import { templateKeys } from '../../../src/schemas/vocabulary.ts'
import { type Call, type Commands, only, readPlain, UsageError } from './command.ts'
import { warningsText } from './settings.ts'

/**
 * An organization's templates as files, to be kept with the host application's code: `email/appointment_reminder.txt` has the text,
 * `email/appointment_reminder.subject.txt` the subject; a template with more than these is `email/appointment_reminder.json`, and what templates
 * are made of is `partials/footer.txt`. A key without a file has the built-in text; a channel without a folder is left alone.
 */
const channelFolders = { emailTemplates: 'email', smsTemplates: 'sms' } as const
type Field = keyof typeof channelFolders
const fields = ['emailTemplates', 'smsTemplates'] as const satisfies readonly Field[]

const options = { folder: { type: 'string' } } as const
const explained = { folder: 'where the files are (default: notification-templates/<organization>)' }

export const templateCommands: Commands = {
  'templates pull': {
    summary: "Writes an organization's own templates into files, and removes files of templates that it does not have",
    takes: '<organization>',
    options,
    explained,
    example: 'templates pull harbour',
    async run(call) {
      const { organization, folder, library } = await begin(call)
      const templates = await library.settings.getTemplates(organization)
      const written: string[] = []
      for (const field of fields) {
        const of = join(folder, channelFolders[field])
        const files = filesOf(templates[field] ?? {})
        await mkdir(of, { recursive: true })
        for (const name of await readdir(of)) if (isOurs(name) && !files.has(name)) await rm(join(of, name))
        for (const [name, text] of files) {
          await writeFile(join(of, name), `${text}\n`)
          written.push(join(channelFolders[field], name))
        }
      }
      const partials = Object.entries(templates.templatePartials)
      const of = join(folder, partialFolder)
      for (const name of await readdir(of).catch(() => [])) if (name.endsWith(suffix)) await rm(join(of, name))
      if (partials.length > 0) await mkdir(of, { recursive: true })
      for (const [name, text] of partials) {
        await writeFile(join(of, `${name}${suffix}`), `${text}\n`)
        written.push(join(partialFolder, `${name}${suffix}`))
      }
      return {
        text: written.length === 0 ? 'It has no templates of its own.' : written.join('\n'),
        data: { folder, written },
      }
    },
  },
  'templates check': {
    summary:
      'Checks files of templates as saving them would, and names those that differ from what is stored; changes nothing',
    takes: '<organization>',
    options,
    explained,
    example: 'templates check harbour --folder texts/harbour',
    async run(call) {
      const { organization, folder, library } = await begin(call)
      const settings = await readTemplates(folder)
      const { warnings } = await library.insight.whatIf({ organizationId: organization, settings, limit: 1 })
      const stored = await library.settings.getTemplates(organization)
      const differing = fields.flatMap((field) => {
        const [ours, theirs] = [settings[field], stored[field] ?? {}]
        if (ours === undefined) return []
        return templateKeys
          .filter((key) => sameText(ours?.[key]) !== sameText(theirs[key]))
          .map((key) => `${channelFolders[field]}/${key}`)
      })
      const partials = settings.templatePartials
      if (partials != null) {
        const names = new Set([...Object.keys(stored.templatePartials), ...Object.keys(partials)])
        const differs = (name: string) => partials[name] !== plainOf(stored.templatePartials[name])
        differing.push(...[...names].filter(differs).map((name) => `${partialFolder}/${name}`))
      }
      const lines = [
        ...differing.map((name) => `differs: ${name}`),
        ...(warnings.length === 0 ? [] : [warningsText(warnings)]),
      ]
      return { text: lines.join('\n'), data: { differing, warnings } }
    },
  },
  'templates push': {
    summary: "Saves files of templates as an organization's own; what has no file gets the built-in text",
    takes: '<organization>',
    options,
    explained,
    example: 'templates push harbour',
    async run(call) {
      const { organization, folder, library } = await begin(call)
      const settings = await readTemplates(folder)
      const { warnings } = await library.settings.updateOrganizationSettings(organization, settings)
      const saved = [
        ...fields.flatMap((field) =>
          Object.keys(settings[field] ?? {}).map((key) => `${channelFolders[field]}/${key}`),
        ),
        ...Object.keys(settings.templatePartials ?? {}).map((name) => `${partialFolder}/${name}`),
      ]
      return {
        text: [`saved: ${saved.join(', ')}`, ...(warnings.length === 0 ? [] : [warningsText(warnings)])].join('\n'),
        data: { saved, warnings },
      }
    },
  },
}

async function begin({ positionals, values, folder, open }: Call) {
  const organization = only(positionals, 'organization')
  const given = values['folder']
  const path = typeof given === 'string' ? given : join('notification-templates', folderNamed(organization))
  return { organization, folder: resolve(folder, path), library: await open() }
}

/** Whoever chooses the id of an organization must not choose where files are written and removed. */
function folderNamed(organization: string): string {
  if (/^\.+$|[/\\:]/.test(organization))
    throw new UsageError(`"${organization}" cannot be the name of a folder. Name one with --folder.`)
  return organization
}

const suffix = '.txt'
/** Of a template with more than a text and a subject. */
const wholeSuffix = '.json'
const partialFolder = 'partials'
const subjectSuffix = '.subject.txt'

const isOurs = (name: string): boolean =>
  templateKeys.some((key) => [suffix, subjectSuffix, wholeSuffix].some((end) => name === `${key}${end}`))

const partsOf = (template: Template): Exclude<Template, string> =>
  typeof template === 'string' ? { body: template } : template

/** Files are read with the line breaks of Unix, whatever wrote them. */
const unixText = (text: string): string => text.replaceAll('\r\n', '\n')

const plainOf = (text: string | undefined) => (text === undefined ? undefined : unixText(text))

const sameText = (template: Template | undefined): string =>
  template === undefined
    ? ''
    : JSON.stringify({ subject: null, ...partsOf(template) }, (_, part: unknown) =>
        typeof part === 'string' ? unixText(part) : part,
      )

function filesOf(templates: TemplateSet): Map<string, string> {
  const files = new Map<string, string>()
  for (const key of templateKeys) {
    const template = templates[key]
    if (template === undefined) continue
    const { subject, body, ...more } = partsOf(template)
    if (body === undefined || Object.keys(more).length > 0) {
      files.set(`${key}${wholeSuffix}`, JSON.stringify(template, null, 2))
      continue
    }
    files.set(`${key}${suffix}`, body)
    if (subject !== undefined) files.set(`${key}${subjectSuffix}`, subject)
  }
  return files
}

async function readTemplates(folder: string): Promise<TemplatesInput> {
  const [emailTemplates, smsTemplates] = await Promise.all(
    fields.map((field) => readSet(join(folder, channelFolders[field]))),
  )
  if (emailTemplates === undefined && smsTemplates === undefined) {
    throw new UsageError(`There are no folders "email" or "sms" in ${folder}.`)
  }
  const names = await readdir(join(folder, partialFolder)).catch(() => null)
  const partials = await Promise.all(
    (names ?? [])
      .filter((name) => name.endsWith(suffix))
      .map(async (name) => [name.slice(0, -suffix.length), await readText(join(folder, partialFolder, name))] as const),
  )
  return {
    ...(names !== null && { templatePartials: Object.fromEntries(partials) }),
    ...(emailTemplates !== undefined && { emailTemplates }),
    ...(smsTemplates !== undefined && { smsTemplates }),
  }
}

/** Null: it has no files, and the built-in texts are used. Undefined: there is no such folder. */
async function readSet(folder: string): Promise<TemplateSet | null | undefined> {
  const names = await readdir(folder).catch(() => null)
  if (names === null) return undefined
  const strange = names.find((name) => name.endsWith(suffix) && !isOurs(name))
  if (strange !== undefined) {
    throw new UsageError(`${join(folder, strange)} is named after no template: ${templateKeys.join(', ')}.`)
  }
  let found: TemplateSet = {}
  for (const key of templateKeys) {
    if (names.includes(`${key}${wholeSuffix}`)) {
      found = { ...found, [key]: await readWhole(join(folder, `${key}${wholeSuffix}`)) }
      continue
    }
    if (!names.includes(`${key}${suffix}`)) continue
    const body = await readText(join(folder, `${key}${suffix}`))
    const subjectFile = `${key}${subjectSuffix}`
    const template = names.includes(subjectFile) ? { subject: await readText(join(folder, subjectFile)), body } : body
    found = { ...found, [key]: template }
  }
  return Object.keys(found).length === 0 ? null : found
}

/** Checked when it is saved. */
async function readWhole(path: string): Promise<Template> {
  try {
    return JSON.parse(await readPlain(path))
  } catch {
    throw new UsageError(`${path} is no JSON.`)
  }
}

/** Without the line break that ends a file. */
const readText = async (path: string): Promise<string> => unixText(await readPlain(path)).replace(/\n$/, '')
