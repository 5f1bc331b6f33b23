import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { channelOf } from '../../src/channels/index.ts'
import type { Inline } from '../../src/messages/index.ts'
import { compilersOf, htmlOf, type Making, type Reader, renderMessage } from '../../src/messages/index.ts'
import { readMarkdown } from '../../src/messages/markdown.ts'
import { templated } from '../../src/schemas/channel-settings.ts'
import { hostValues, hostVariable } from '../../src/schemas/host-variables.ts'
import { tokenMask } from '../../src/schemas/link.ts'
import { type PartialSet, type Template, template } from '../../src/schemas/templates.ts'
import { spentMs } from '../support/spent.ts'
import * as support from './support.ts'

const compilers = compilersOf(
  new Map([
    ['copay', hostVariable.parse('money')],
    ['visits', hostVariable.parse('number')],
    ['leaflet', hostVariable.parse({ type: 'url', detail: 0 })],
    ['room', hostVariable.parse({ type: 'text', sample: 'A1', detail: 0 })],
    ['until', hostVariable.parse('date')],
  ]),
)

type Given = {
  readonly channel?: 'EMAIL' | 'SMS'
  readonly facts?: Parameters<typeof support.facts>[0]
  readonly reader?: Reader
  readonly partials?: PartialSet
}

function render(given: Template, { channel = 'EMAIL', facts = {}, reader, partials }: Given = {}) {
  const { content } = channelOf(channel)
  if (content.kind !== 'text') throw new Error('no texts')
  return renderMessage({
    channel: templated(channel, content),
    facts: support.facts(facts),
    templates: { appointment_reminder: template.parse(given) },
    reader,
    partials,
    compile: compilers.draft,
  })
}

const bodyOf = (html: string | null): string => /<body>([\s\S]*)<\/body>/.exec(html ?? '')?.[1] ?? ''

describe('Markdown', () => {
  const markdown = (body: string): Template => ({ format: 'markdown', body })

  it('has headings, lists, bold words, links and line breaks; the text beside it is plain', () => {
    const body = [
      '# Your visit',
      'On **{date}**\nat {time}. [Directions](https://clinic.example/a?b=c&d) or [call](tel:+15550100).',
      '- Bring your card\n- **Fast** from midnight',
      '1. Ring\n2. Wait',
    ].join('\n\n')
    const { html, text } = render(markdown(body))
    expect(bodyOf(html)).toBe(
      [
        '<h1>Your visit</h1>',
        '<p>On <strong>January 15, 2024</strong><br>at 2:00 PM. <a href="https://clinic.example/a?b=c&amp;d">Directions</a> or <a href="tel:+15550100">call</a>.</p>',
        '<ul><li>Bring your card</li><li><strong>Fast</strong> from midnight</li></ul>',
        '<ol><li>Ring</li><li>Wait</li></ol>',
      ].join('\n'),
    )
    expect(text).toBe(
      'Your visit\n\nOn January 15, 2024\nat 2:00 PM. Directions: https://clinic.example/a?b=c&d or call: tel:+15550100.\n\n- Bring your card\n- Fast from midnight\n\n1. Ring\n2. Wait',
    )
    expect(render(markdown(body), { channel: 'SMS' })).toMatchObject({ html: null, text })
  })

  it('takes no value for more than words, and nothing else for markup', () => {
    const signs = fc.string({ unit: fc.constantFrom(...'*[]()#-1. <>&"\\_`!\u05d0a'), maxLength: 20 })
    fc.assert(
      fc.property(signs, signs, (patientName, location) => {
        const plain = render('{patient_name}|{location}', { facts: { patientName, location } })
        const rich = render(markdown('{patient_name}|{location}'), { facts: { patientName, location } })
        // A line of nothing but blanks before the sign goes.
        expect(bodyOf(rich.html)).toBe(bodyOf(plain.html))
        expect(rich.text).toBe(plain.text.trim())
      }),
    )
    expect(bodyOf(render(markdown('<b>x</b> ![y](https://a.example)')).html)).toBe(
      '<p>&lt;b&gt;x&lt;/b&gt; !<a href="https://a.example">y</a></p>',
    )
  })

  it('takes no value for a sign of what stands around it, nor for none', () => {
    const body = (text: string, facts: Given['facts'] = {}) => bodyOf(render(markdown(text), { facts }).html)
    const number = { durationMinutes: 45, variables: { visits: 2 } }
    expect(body('{duration_minutes}. Please come', number)).toBe('<p>45. Please come</p>')
    expect(body('{duration_minutes, number}) Please come', number)).toBe('<p>45) Please come</p>')
    expect(body('{visits, plural, other {#}}. Please come', number)).toBe('<p>2. Please come</p>')
    expect(body('1{patient_name}. x', { patientName: '' })).toBe('<p>1. x</p>')
    expect(body('{location} - {patient_name}', { location: null })).toBe('<p>- Jane Doe</p>')
    expect(body('*{location}*a*{location}*', { location: null })).toBe('<p>**a**</p>')
    expect(body('{leaflet} - {patient_name}')).toBe('<p>- Jane Doe</p>')
    expect(body('\\\\{patient_name}](https://a.example)', { patientName: '[x' })).toBe(
      '<p>\\[x](https://a.example)</p>',
    )
    expect(body('[{room}](https://a.example)', { variables: { room: ' ' } })).toBe(
      '<p><a href="https://a.example">https://a.example</a></p>',
    )
    // What is made of values that are not known is left out.
    expect(body('# {location}\n- {location}\n- **{location}**\n\n- {location}\n- b', { location: null })).toBe(
      '<ul><li>b</li></ul>',
    )
    expect(render(markdown('{location}'), { facts: { location: null } }).templateRevision).toBe('default:1')
    expect(render('1. a\n- b\n# c').html).toContain('<p>1. a<br>- b<br># c</p>')
  })

  it('has the same markup whatever a value is', () => {
    const pieces = [
      '**',
      '*',
      '[b',
      ']',
      '](https://a.example/',
      ')',
      '# ',
      '#',
      '- ',
      '-',
      '1',
      '1. ',
      '. ',
      '\\',
      ' ',
      '\n',
      'b',
    ]
    const words = fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((all) => all.join(''))
    const value = fc.string({ unit: fc.constantFrom(...'*[]()#-1.\\_!'), minLength: 1, maxLength: 8 })
    const inlineOf = ({ href, isBold }: Inline) => [href !== undefined, isBold]
    fc.assert(
      fc.property(words, words, words, value, (before, between, after, name) => {
        const text = `${before}{patient_name}${between}{patient_name}${after}`
        const read = (patientName: string) => {
          const blocks = readMarkdown(compilers.draft(text, 'markdown').render(support.facts({ patientName })))
          const lines = blocks.map((block) => ('items' in block ? block.items : 'words' in block ? [block.words] : []))
          return {
            shape: blocks.map((block, index) => [block.kind, lines[index]?.map((line) => line.map(inlineOf))]),
            words: lines.flat(2).map((one) => one.text),
          }
        }
        const usual = read('Q')
        expect(read(name)).toEqual({ ...usual, words: usual.words.map((one) => one.replaceAll('Q', () => name)) })
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    'javascript:alert(1)',
    'JaVaScRiPt:x',
    'https://a.example:99999',
    'http://a.example',
    '//a.example',
    'data:text/html,x',
    'https:',
    '',
  ])('leads nowhere by %j', (url) => {
    expect(render(markdown(`[go](${url})`)).html).not.toContain('<a')
    if (url !== '') expect(() => check(markdown(`[go](${url})`))).toThrow('and links lead to')
  })

  it('keeps a link that a value is part of to its place, and the links of the library whole', () => {
    const facts = { patientName: 'a/../@evil.example?x=1&y#z)', linkBase: 'https://clinic.example/n' }
    const { html } = render(markdown('[go](https://a.example/{patient_name}) [yes]({confirm_url})'), { facts })
    expect(bodyOf(html)).toBe(
      `<p><a href="https://a.example/a%2F..%2F%40evil.example%3Fx%3D1%26y%23z)">go</a> <a href="https://clinic.example/n/confirm/${tokenMask}">yes</a></p>`,
    )
  })

  it('has no marks of direction in a link', () => {
    const { html } = render(markdown('[go](https://a.example/{patient_name})'), { facts: { patientName: 'דנה' } })
    expect(bodyOf(html)).toBe('<p><a href="https://a.example/דנה">go</a></p>')
  })

  it('is read in one pass, whatever is opened and never closed', () => {
    const began = spentMs()
    for (const piece of ['[](', '[', '**', '](', '\\', '[a](b', '# - ', '[a](https://b.example)'])
      readMarkdown(piece.repeat(100_000))
    expect(spentMs() - began).toBeLessThan(8000)
  })
})

describe('buttons and preheader', () => {
  const booked: Template = {
    preheader: 'At {time}',
    body: 'See you & yours on {date}.\n\nBye',
    buttons: [
      { label: 'Confirm {time}', url: '{confirm_url}' },
      { label: 'Pay', url: 'https://pay.example/?who={recipient_name}&n=1' },
    ],
  }

  it('stand in the HTML, and the buttons in the text', () => {
    const linkBase = 'https://clinic.example/n'
    const { html, text } = render(booked, { facts: { linkBase, recipientName: 'Jo & Co' } })
    const confirm = `${linkBase}/confirm/${tokenMask}`
    const pay = 'https://pay.example/?who=Jo%20%26%20Co&n=1'
    expect(bodyOf(html)).toBe(
      `<div style="display:none;max-height:0;overflow:hidden">At 2:00 PM</div><p>See you &amp; yours on January 15, 2024.</p>\n<p>Bye</p>\n<p><a href="${confirm}">Confirm 2:00 PM</a> <a href="${pay.replace('&n', '&amp;n')}">Pay</a></p>`,
    )
    expect(text).toBe(`See you & yours on January 15, 2024.\n\nBye\n\nConfirm 2:00 PM: ${confirm}\nPay: ${pay}`)
  })

  it('are left out where they lead nowhere', () => {
    expect(render(booked, { facts: { linkBase: null } }).html).not.toContain('Confirm')
    const unnamed: Template = { body: 'x', buttons: [{ label: '{location}', url: 'https://a.example' }] }
    expect(render(unnamed, { facts: { location: ' ' } }).text).toBe('x')
    expect(() => check({ body: 'x', buttons: [{ label: 'y', url: 'javascript:{date}' }] })).toThrow(
      'emailTemplates.appointment_reminder.buttons[0].url, line 1, column 1: it leads to "javascript:',
    )
  })

  it('say no more than the message may, nor does the subject', () => {
    const where = '{location}'
    const saying: Template[] = [
      { subject: where, body: 'x' },
      { preheader: where, body: 'x' },
      { body: 'x', buttons: [{ label: where, url: 'https://a.example' }] },
      { body: 'x', buttons: [{ label: 'y', url: `https://a.example/${where}` }] },
    ]
    for (const one of saying) {
      expect(render(one, { facts: { detail: 2 } }).isTemplateWithheld).toBeUndefined()
      const { html, text, subject, isTemplateWithheld } = render(one, { facts: { detail: 1 } })
      expect([isTemplateWithheld, `${html}${text}${subject}`.includes('Main')]).toEqual([true, false])
    }
  })

  it('leave a template without them as it was', () => {
    for (const body of ['One\ntwo\n\nthree & {patient_name}', '# no heading', '**x** [a](https://b.example)']) {
      const plain = render(body)
      expect(plain.html).toBe(htmlOf(plain.text, 'en-US'))
      expect(render({ body, subject: 'S' })).toMatchObject({ text: plain.text, html: plain.html })
    }
  })
})

describe('variants', () => {
  const all: Template = {
    body: 'all',
    variants: [
      { language: 'es', body: 'es' },
      { language: 'es-MX', kind: 'surgery', body: 'es-MX surgery' },
      { kind: 'surgery', body: 'surgery' },
      { kind: 'surgery', audience: 'other', body: 'surgery other' },
      { audience: 'other', body: 'other' },
      { language: 'zh-Hant', body: 'zh-Hant' },
    ],
  }

  it.each([
    ['en', null, 'person', 'all'],
    [undefined, null, 'person', 'all'],
    ['en', 'other-kind', 'other', 'other'],
    ['en', 'surgery', 'person', 'surgery'],
    ['en', 'surgery', 'other', 'surgery other'],
    ['es-ES', 'surgery', 'other', 'es'],
    ['es-MX', 'surgery', 'other', 'es-MX surgery'],
    ['es-MX', null, 'person', 'es'],
    ['zh-TW', null, 'person', 'zh-Hant'],
    ['zh-CN', null, 'other', 'other'],
  ] as const)('of %s, %s and %s: %s', (language, kind, audience, expected) => {
    expect(render(all, { reader: { language, kind, audience } }).text).toBe(expected)
  })

  it('are for the kind of appointment before they are for the audience', () => {
    const either: Template = {
      variants: [
        { audience: 'other', body: 'other' },
        { kind: 'surgery', body: 'surgery' },
      ],
    }
    expect(render(either, { reader: { language: 'en', kind: 'surgery', audience: 'other' } }).text).toBe('surgery')
  })

  it('leave the built-in text to whom none is for', () => {
    const some: Template = { variants: [{ kind: 'surgery', subject: 'Fasting', body: 'No food.' }] }
    const reader = { language: 'en', audience: 'person' } as const
    expect(render(some, { reader: { ...reader, kind: 'surgery' } })).toMatchObject({ subject: 'Fasting' })
    expect(render(some, { reader: { ...reader, kind: null } })).toMatchObject({ templateRevision: 'default:1' })
  })

  it('name a reader once, and say whom they are for', () => {
    const twice = [
      { language: 'DE', body: 'x' },
      { body: 'y', language: 'de' },
    ]
    expect(template.safeParse({ variants: twice }).success).toBe(false)
    expect(template.safeParse({ variants: [{ body: 'x' }] }).success).toBe(false)
    expect(template.safeParse({ subject: 'x', variants: [{ kind: 'a', body: 'x' }] }).success).toBe(false)
    expect(template.safeParse({}).success).toBe(false)
  })

  it('are each checked, at their place', () => {
    expect(() => check({ body: 'x', variants: [{ kind: 'a', body: 'y {nobody}' }] })).toThrow(
      'emailTemplates.appointment_reminder.variants[0].body, line 1, column 3: {nobody} is not a known variable',
    )
  })
})

describe('partials', () => {
  const partials = { footer: 'Yours, {>name}', name: '{organization_name}', list: '- a\n- b' }

  it('stand where they are named, in each form', () => {
    expect(render('Hi.\n{>footer}', { partials }).text).toBe('Hi.\nYours, Medical Clinic')
    expect(bodyOf(render({ format: 'markdown', body: '{>list}' }, { partials }).html)).toBe(
      '<ul><li>a</li><li>b</li></ul>',
    )
    const revision = (one: PartialSet) => render('{>name}', { partials: one }).templateRevision
    expect(revision({ name: 'A' })).not.toBe(revision({ name: 'B' }))
  })

  it.each([
    ['{>a}', { a: 'x {>b}', b: '{>a}' }, '{>a} > {>b} > {>a} would contain itself'],
    ['{>a}', { a: '{>a}' }, '{>a} > {>a} would contain itself'],
    ['{>constructor}', {}, '{>constructor} names a text that is not there; there are none'],
    ['ok\n  {>a}', { b: '' }, 'line 2, column 3: {>a} names a text that is not there; there are {>b}'],
    ['{>a}', { a: '{>b}', b: '{>c}', c: '{>d}', d: 'x' }, '{>a} > {>b} > {>c} > {>d} is deeper than 3 texts'],
    ['{>a}', { a: '{>b}'.repeat(9), b: 'x'.repeat(9000) }, 'it has more than 40000 characters'],
    ['{>a}', { a: '{date' }, 'this brace is never closed'],
    ['one\n{>a} {nobody}', { a: 'x' }, 'line 2, column 6: {nobody}'],
  ])('in %s are refused: %j', (body, set, message) => {
    expect(() => check(body, { partials: set })).toThrow(message)
  })
})

describe('presence', () => {
  const asking =
    '{has_location, select, yes {at {location}} other {by phone}}{has_copay, select, yes {, {copay}} other {}}'

  it('is asked of every variable', () => {
    expect(render(asking, { facts: { variables: { copay: { amount: 25, currency: 'USD' } } } }).text).toBe(
      'at 12 Main St, $25.00',
    )
    const nothing = render(asking, { facts: { location: null } })
    expect([nothing.text, nothing.missing]).toEqual(['by phone', undefined])
  })

  it('is a choice, and says as much as what it asks for', () => {
    expect(() => check('{has_location}')).toThrow('{has_location} chooses words and is none')
    expect(() => check('{has_location, select, true {x} other {y}}')).toThrow('is yes or no, and never "true"')
    expect(() => check('{has_place, select, yes {x} other {y}}')).toThrow('{has_place} is not a known variable')
    expect(render(asking, { facts: { detail: 1 } })).toMatchObject({ isTemplateWithheld: true })
  })
})

describe('variables of a host', () => {
  const variables = {
    copay: { amount: 1234.5, currency: 'EUR' },
    visits: 2,
    leaflet: 'https://a.example/x_(1)*2*',
    room: ' *A\n1*',
    until: '2024-02-01',
  }

  it('are written by their type, in the language of the message', () => {
    const body =
      '{copay}|{visits, plural, one {# visit} other {# visits}}|{leaflet}|{room}|{until}|{visits, number, percent}'
    const facts = { variables, locale: 'de-DE' }
    const expected = '1.234,50 €|2 visits|https://a.example/x_(1)*2*|*A 1*|1. Februar 2024|200 %'
    const plain = (text: string) => text.replace(/\s/g, ' ').replace('| *A', '|*A')
    expect(plain(render(body, { facts }).text)).toBe(expected)
    expect(plain(render({ format: 'markdown', body }, { facts }).text)).toBe(expected)
  })

  it('are reported where nobody has a value, and allow what their level does', () => {
    expect(render('{copay}{room}', { facts: { variables: { room: 'B' } } })).toMatchObject({
      text: 'B',
      missing: ['copay'],
    })
    expect(render('{copay}', { facts: { detail: 1, variables } })).toMatchObject({ isTemplateWithheld: true })
    expect(render('{room}', { facts: { detail: 0, variables } }).text.trim()).toBe('*A 1*')
    // Kept with a notice while it was text.
    expect(render('Until {until}.', { facts: { variables: { until: 'spring' } } }).text).toBe('Until .')
  })

  it('are links that turn around nothing', () => {
    const link = hostValues(new Map([['leaflet', hostVariable.parse('url')]]))
    expect(link.safeParse({ leaflet: 'https://a.example/übung?x=1#y' }).success).toBe(true)
    for (const strange of ['\u202e', '\u2066', '\u200b', '\ud800', '\0', ' ', '<', '"'])
      expect(link.safeParse({ leaflet: `https://a.example/${strange}gpj` }).success).toBe(false)
  })

  it('are known where they are declared only', () => {
    expect(() => check('{copay}')).not.toThrow()
    expect(() => check('{co_pay}')).toThrow('did you mean {copay}?')
    expect(() => support.checkTemplates('emailTemplates', { appointment_reminder: '{copay}' })).toThrow('not a known')
    expect(() => check('{copay, number}')).toThrow('is text and cannot be formatted as a number')
  })
})

function check(given: Template, making: Making = {}) {
  return support.checkMade({ appointment_reminder: template.parse(given) }, { compilers, ...making })
}
