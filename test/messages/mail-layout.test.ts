import { caniemail, groupIssues } from 'caniemail'
import fc from 'fast-check'
import { HtmlValidate, StaticConfigLoader } from 'html-validate'
import { describe, expect, it } from 'vitest'
import { MailFrames, type MailLayout, type MessageFacts, type RenderedMessage } from '../../src/messages/index.ts'
import { Languages } from '../../src/messages/languages.ts'
import { loaders } from '../../src/messages/locales.ts'
import type { TemplateSet } from '../../src/schemas/templates.ts'
import { categories, detailLevels } from '../../src/schemas/vocabulary.ts'
import { naughtyStrings } from '../http/naughty.ts'
import { anyFacts, facts, renderMessage } from './support.ts'

const rules = { logoUrl: 'https://clinic.example/logo.png', footer: ['12 Harbour Road', 'Port City'] }
const framed = { rules, color: '#8a1538', name: 'Harbour Clinic & Sons', phone: '+1 (415) 555-0123' }
const faults: unknown[] = []
const framesBy = (layout: MailLayout | null) => new MailFrames(layout, (error) => faults.push(error))
const frame = framesBy(null).of(framed)

const tags = ['en', ...loaders.keys()]
const languages = new Languages()
const asked = (tag: string) => ({ recipient: tag, organization: tag, enabled: [] })
await languages.load(tags.map(asked))

const told = (tag: string, changes: Partial<MessageFacts> = {}): MessageFacts =>
  facts({ locale: tag, wording: languages.wording(asked(tag)), linkBase: 'https://clinic.example/n', ...changes })
const mail = (changed: MessageFacts, templates: TemplateSet = {}): RenderedMessage =>
  renderMessage({ channel: 'EMAIL', facts: changed, templates, frame })
const htmlOf = (rendered: RenderedMessage): string => rendered.html ?? ''

const validator = new HtmlValidate(
  new StaticConfigLoader({ root: true, extends: ['html-validate:a11y', 'html-validate:document'] }),
)
async function faultsOf(html: string): Promise<string[]> {
  const { results } = await validator.validateString(html)
  return results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => `${ruleId}: ${message}`))
}

const rich: TemplateSet = {
  appointment_reminder: {
    format: 'markdown',
    subject: 'Your visit',
    preheader: 'On {date}',
    body: '# Hello {recipient_name}\n\nBring **your card**, and read [this](https://clinic.example/a?b=1&c=2).\n\n- one\n- two',
    buttons: [
      { label: 'Confirm', url: '{confirm_url}' },
      { label: 'Another time', url: '{change_url}' },
    ],
  },
}

/** Without rounded corners, a font or dark colors a mail is as readable; what is isolated is marked by the direction of its letters, too. */
const extras = [
  '<bdi> element',
  '<body> element',
  '<style> element',
  'Attribute selector',
  'Chaining selectors',
  'Class selector',
  'Descendant combinator',
  'Type selector',
  'border-radius',
  'color-scheme CSS property',
  'color-scheme meta tag',
  'display:none',
  'height property',
  'max-height property',
  'overflow',
  'role attribute',
  'system-ui, ui-serif, ui-sans-serif, ui-rounded, ui-monospace',
]

const elements = new Set('html head meta style title body div table tr td th p a img bdi br'.split(' '))

describe('the layout of mails', () => {
  it.each(tags)('in %s names each fact in a table, and says the same as the plain text', async (tag) => {
    for (const category of categories) {
      const letter = told(tag, { category })
      const plain = renderMessage({ channel: 'EMAIL', facts: letter, templates: {} })
      const framedMail = mail(letter)
      // The text is that of a mail without a layout, with what stands below it.
      expect(framedMail.text.startsWith(`${plain.text}\n\n12 Harbour Road\nPort City\n+1 (415) 555-0123\n`)).toBe(true)
      expect(framedMail.text).toMatch(/: https:\/\/clinic\.example\/n\/preferences\/\*{22}$/)
      const rows = [...htmlOf(framedMail).matchAll(/<th scope="row"[^>]*>([^<]+)<\/th>\s*<td[^>]*>(.+?)<\/td>/g)]
      expect(rows).toHaveLength(4)
      const bare = (text: string) => text.replace(/<\/?bdi[^>]*>|[\u2068\u2069]/g, '')
      for (const [, label = '', value = ''] of rows) {
        expect(label).toMatch(/[\p{L}\p{M}]$/u)
        const line = bare(plain.text)
          .split('\n')
          .find((one) => one.startsWith(bare(label)) && one.endsWith(bare(value)))
        expect(line?.slice(bare(label).length, -bare(value).length)).toMatch(/^\s*[:：]\s*$/u)
      }
      const direction = ['ar', 'fa'].includes(tag) ? 'rtl' : 'ltr'
      expect(htmlOf(framedMail)).toContain(`<html lang="${tag}" dir="${direction}">`)
    }
  })

  it('is valid and accessible HTML, small enough for every program', async () => {
    const mails = ['en', 'ar', 'de', 'hi', 'zh-Hans'].flatMap((tag) =>
      categories.map((category) => htmlOf(mail(told(tag, { category })))),
    )
    for (const html of [...mails, htmlOf(mail(told('en'), rich))]) {
      expect(await faultsOf(html)).toEqual([])
      // Gmail cuts off what is longer, and drops styles that are.
      expect(Buffer.byteLength(html)).toBeLessThan(10_000)
      const styles = [...html.matchAll(/<style>(.*?)<\/style>/gs)].map(([, style = '']) => style)
      expect(Buffer.byteLength(styles.join(''))).toBeLessThan(2500)
    }
  })

  it('uses nothing that common programs lack, but where it is an extra', () => {
    const clients = ['gmail.*', 'outlook.*', 'apple-mail.*', 'yahoo.*', 'samsung-email.*'] as const
    const { issues } = caniemail({ clients: [...clients], html: htmlOf(mail(told('en'), rich)) })
    const lacking = groupIssues(issues.errors).map(({ issue }) => issue.title)
    expect([...new Set(lacking)].sort()).toEqual(extras)
  })

  it('has templates as its text: headings, lists, links and buttons of 44 pixels', () => {
    const { html, text } = mail(told('en'), rich)
    expect(html).toContain('>Hello Jane Doe</h1>')
    expect(html).toContain('<a class="link" style="color:#8a1538" href="https://clinic.example/a?b=1&amp;c=2">this</a>')
    const buttons = [...(html ?? '').matchAll(/padding:12px 24px;\s*line-height:20px/g)]
    expect(buttons).toHaveLength(2)
    expect(text).toContain('Confirm: https://clinic.example/n/confirm/')
    const plain = mail(told('en'), {
      appointment_reminder: 'Soon.\n\nConfirm: {confirm_url}, <b>{practitioner_name}</b>',
    })
    const link = `https://clinic.example/n/confirm/${'*'.repeat(22)}`
    expect(plain.html).toContain(
      `Confirm: <a class="link" style="color:#8a1538" href="${link}">${link}</a>, &lt;b&gt;Dr. Smith`,
    )
  })

  it('says as much as the message may', () => {
    for (const detail of detailLevels) {
      const { html, text } = mail(told('en', { detail }))
      expect([/Smith/, /12 Main St/].map((one) => one.test(`${html} ${text}`))).toEqual([detail === 2, detail === 2])
      expect(/January/.test(`${html} ${text}`)).toBe(detail > 0)
    }
  })

  it('holds with the strangest names', async () => {
    for (const name of naughtyStrings) {
      const names = {
        organizationName: name,
        practitionerName: name,
        location: name,
        recipientName: name,
        patientName: name,
      }
      const strange = framesBy(null).of({ rules: { footer: [], logoAlt: name }, color: null, name, phone: name })
      const { html, text } = renderMessage({
        channel: 'EMAIL',
        facts: told('ar', names),
        templates: {},
        frame: strange,
      })
      expect(await faultsOf(html ?? '')).toEqual([])
      expect(html).not.toMatch(/<script|<!\[CDATA/)
      expect(`${html}${text}`).not.toMatch(/[\0\r\u2028]/)
    }
    fc.assert(
      fc.property(anyFacts, (any) => {
        const { html } = renderMessage({ channel: 'EMAIL', facts: any, templates: {}, frame })
        const found = [...(html ?? '').matchAll(/<\/?([a-z]\w*)/gi)].map(([, element = '']) => element)
        expect(found.filter((element) => !elements.has(element))).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  it('has names as words in its title, its picture and its preheader', async () => {
    const name = `"><script>alert('x')</script>&`
    const { subject, ...own } = { subject: '{patient_name}', preheader: '{patient_name}', body: '{patient_name}' }
    const strange = framesBy(null).of({ ...framed, rules: { ...rules, logoAlt: name, footer: [name] }, name })
    const templates = {
      appointment_reminder: { ...own, subject, buttons: [{ label: '{patient_name}', url: 'tel:+1' }] },
    }
    const { html } = renderMessage({
      channel: 'EMAIL',
      facts: told('en', { patientName: name }),
      templates,
      frame: strange,
    })
    expect(await faultsOf(html ?? '')).toEqual([])
    const escaped = '&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;'
    expect(html?.split(escaped)).toHaveLength(7)
    expect(html).not.toContain('<script')
  })

  it('is that of the host application where it has one that works', () => {
    const own = framesBy(({ subject, document }) => `<p>${subject} ${document.blocks.length}</p>`).of(framed)
    expect(renderMessage({ channel: 'EMAIL', facts: told('en'), templates: {}, frame: own }).html).toBe(
      '<p>Appointment Reminder - January 15, 2024 5</p>',
    )
    const broken = framesBy(() => {
      throw new Error('out of paper')
    }).of(framed)
    expect(renderMessage({ channel: 'EMAIL', facts: told('en'), templates: {}, frame: broken }).html).toBe(
      mail(told('en')).html,
    )
    expect(faults).toHaveLength(1)
    // @ts-expect-error A host without types may have one that is asynchronous: what it rejects with must not end the process.
    const late = framesBy(async () => {
      throw new Error('out of paper')
    }).of(framed)
    expect(renderMessage({ channel: 'EMAIL', facts: told('en'), templates: {}, frame: late }).html).toBe(
      mail(told('en')).html,
    )
    expect(faults).toHaveLength(2)
  })

  it('is that of the library where that of the host application returns nothing, or more than a mail may have', () => {
    for (const html of ['', ' \n', 'x'.repeat(2_000_001)]) {
      faults.length = 0
      const strange = framesBy(() => html).of(framed)
      expect(renderMessage({ channel: 'EMAIL', facts: told('en'), templates: {}, frame: strange }).html).toBe(
        mail(told('en')).html,
      )
      expect(faults).toMatchObject([
        { message: `the layout returned ${html.length} characters, and a mail has 1 to 2000000` },
      ])
    }
  })
})
