import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { MailFrames } from '../../src/messages/index.ts'
import { Languages } from '../../src/messages/languages.ts'
import type { TemplateSet } from '../../src/schemas/templates.ts'
import { categories, templateKeyOf } from '../../src/schemas/vocabulary.ts'
import { chromium, openBrowser, type Tab } from '../support/browser.ts'
import { facts, renderMessage } from './support.ts'

if (chromium === null) console.warn('!! There is no Chromium: mails were NOT opened by a browser.')
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const tags = ['ar', 'de', 'hi', 'zh-Hans']
const names = {
  ar: ['عيادة الميناء', 'د. ليلى حداد', '١٢ شارع الميناء', 'منى'],
  de: ['Praxis am Hafen', 'Dr. Jörg Müller-Lüdenscheidt', 'Hafenstraße 12', 'Änne Groß'],
  hi: ['हार्बर क्लिनिक', 'डॉ. अंजलि शर्मा', '12 हार्बर रोड', 'मीरा'],
  'zh-Hans': ['海港诊所', '李医生', '海港路12号', '王芳'],
} as const
const languages = new Languages()
const asked = (tag: string) => ({ recipient: tag, organization: tag, enabled: tags })
await languages.load(tags.map(asked))

/** A picture that is there without a network. */
const logo = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" width="160" height="48"><rect width="160" height="48" rx="8" fill="#8a1538"/><circle cx="24" cy="24" r="12" fill="#fff"/></svg>')}`

const buttons = [
  { label: 'Confirm', url: '{confirm_url}' },
  { label: 'Another time', url: '{change_url}' },
]

function mailsOf(tag: keyof typeof names): { readonly name: string; readonly html: string }[] {
  const [organizationName, practitionerName, location, recipientName] = names[tag]
  const color = '#8a1538'
  const framed = {
    rules: { logoUrl: logo, footer: [location] },
    color,
    name: organizationName,
    phone: '+1 415 555 0123',
  }
  const frame = new MailFrames(null, (error) => {
    throw error
  }).of(framed)
  const people = { organizationName, practitionerName, location, recipientName, patientName: recipientName }
  const html = (category: (typeof categories)[number], templates: TemplateSet) =>
    renderMessage({
      channel: 'EMAIL',
      facts: facts({
        ...people,
        category,
        locale: tag,
        wording: languages.wording(asked(tag)),
        linkBase: 'https://clinic.example/n',
      }),
      templates,
      frame,
    }).html ?? ''
  const body = '## {organization_name}\n\n**{recipient_name}**, {date}, {time}.\n\n- {location}\n- {practitioner_name}'
  return [
    ...categories.map((category) => ({ name: `${tag}-${category}`, html: html(category, {}) })),
    {
      name: `${tag}-template`,
      html: html('REMINDER', { [templateKeyOf.REMINDER]: { format: 'markdown', body, buttons } }),
    },
  ]
}

const checked = z.object({
  violations: z.array(z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string() })) })),
})

describe.skipIf(chromium === null)('mails, in a browser', () => {
  let tab: Tab
  let close: () => Promise<void>
  beforeAll(async () => {
    const browser = await openBrowser(chromium ?? '')
    tab = browser.tab
    close = browser.close
  })
  afterAll(() => close())

  const sizes = { phone: { width: 360, height: 740 }, desktop: { width: 1000, height: 800 } } as const

  it.each(['ar', 'de', 'hi', 'zh-Hans'] as const)(
    'in %s can be read on small and large, light and dark screens',
    async (tag) => {
      for (const { name, html } of mailsOf(tag)) {
        for (const [size, { width, height }] of Object.entries(sizes)) {
          await tab.send('Emulation.setDeviceMetricsOverride', {
            width,
            height,
            deviceScaleFactor: 1,
            mobile: size === 'phone',
          })
          for (const scheme of ['light', 'dark']) {
            const features = [{ name: 'prefers-color-scheme', value: scheme }]
            await tab.send('Emulation.setEmulatedMedia', { features })
            await tab.open(`data:text/html;base64,${Buffer.from(html).toString('base64')}`)
            const [overflow, aside, direction, heights, texts] = z
              .tuple([z.number(), z.number(), z.string(), z.array(z.number()), z.string()])
              .parse(
                await tab.value(
                  `[document.documentElement.scrollWidth - innerWidth, (({ left, right }) => Math.round(left + right - innerWidth))(document.querySelector('.card').getBoundingClientRect()), getComputedStyle(document.querySelector('.inside')).direction, [...document.querySelectorAll('.button')].map((one) => one.getBoundingClientRect().height), document.body.innerText]`,
                ),
              )
            const at = `${name} ${size} ${scheme}`
            expect([at, overflow, aside, direction]).toEqual([at, 0, 0, tag === 'ar' ? 'rtl' : 'ltr'])
            for (const one of heights) expect(one).toBeGreaterThanOrEqual(44)
            expect(heights).toHaveLength(name.endsWith('template') ? 2 : 0)
            expect(texts).toContain(names[tag][2])
            if (size === 'phone' && (name.endsWith('template') || name.endsWith('REMINDER'))) {
              await tab.value(axe)
              const result = checked.parse(
                await tab.value(
                  `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }).then(({ violations }) => ({ violations: violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => ({ html })) })) }))`,
                ),
              )
              expect([at, result.violations]).toEqual([at, []])
            }
            const folder = process.env['MAIL_PICTURES']
            if (folder === undefined) continue
            await mkdir(folder, { recursive: true })
            await writeFile(`${folder}/${name}-${size}-${scheme}.png`, await tab.screenshot())
          }
        }
      }
    },
    120_000,
  )
})
