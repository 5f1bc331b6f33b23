import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyFacts, render, text } from './support.ts'

const unsafe = /[\p{Cc}\u2028\u2029\p{Cs}]/u

describe('injection', () => {
  test.each([
    ['CRLF', 'Jane\r\nBcc: evil@example.org', 'Jane  Bcc: evil@example.org'],
    ['NUL', 'Ja\u0000ne', 'Ja ne'],
    ['line separator', 'Ja\u2028ne\u2029', 'Ja ne '],
    ['next line', 'Ja\u0085ne', 'Ja ne'],
    ['high surrogate', 'Ja\ud800ne', 'Ja ne'],
    ['low surrogate', 'Ja\udc00ne', 'Ja ne'],
    ['whole pairs stay', 'Jane 😀', 'Jane 😀'],
  ])('%s in a name', (_, patientName, expected) => {
    expect(text('{patient_name}|', { patientName })).toBe(`${expected}|`)
    const { subject } = render({ subject: 'For {patient_name}', body: 'x' }, { patientName }, 'EMAIL')
    expect(subject).toBe(`For ${expected}`.replace(/ +/g, ' ').trim())
  })

  test('HTML in names is text', () => {
    const patientName = `<script>alert("x")</script> & 'friends'`
    const { html, text: plain } = render('For {patient_name}', { patientName }, 'EMAIL')
    expect(plain).toBe(`For ${patientName}`)
    expect(html).toContain('<p>For &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;friends&#39;</p>')
  })

  test("a template's own text is cleaned as well, its lines kept", () => {
    const { text: plain, html } = render('One\r\ntwo\u2028three\u0000\n \n<b>four</b>\ud800', {}, 'EMAIL')
    expect(plain).toBe('One\ntwo\nthree \n \n<b>four</b> ')
    expect(html).toContain('<body><p>One<br>two<br>three</p>\n<p>&lt;b&gt;four&lt;/b&gt;</p></body>')
  })

  test('the language is escaped too', () => {
    expect(render('x', { locale: '"><script>' }, 'EMAIL').html).toContain('<html lang="en-US">')
    expect(render('x', { locale: 'de-at' }, 'EMAIL').html).toContain('<html lang="de-AT">')
    expect(render(null, { locale: 'de-AT' }, 'EMAIL').html).toContain('<html lang="en-US">')
  })

  test('a subject is at most 255 units and is not cut inside a pair', () => {
    const { subject } = render({ subject: '{location}', body: 'x' }, { location: `${'x'.repeat(254)}😀` }, 'EMAIL')
    expect(subject).toBe('x'.repeat(254))
  })

  test('whatever the facts: a subject is one safe line, a text holds no control but line feeds', () => {
    fc.assert(
      fc.property(anyFacts, fc.boolean(), (told, custom) => {
        const template = { subject: 'A {patient_name} {location}', body: '{recipient_name}\n\n{practitioner_name}' }
        const message = render(custom ? template : null, told, 'EMAIL')
        expect(message.subject).not.toMatch(unsafe)
        expect(message.subject?.length).toBeLessThanOrEqual(255)
        expect(message.subject).not.toBe('')
        expect(message.text.replaceAll('\n', '')).not.toMatch(unsafe)
        expect(render(custom ? template : null, told, 'SMS').text.replaceAll('\n', '')).not.toMatch(unsafe)
      }),
      { numRuns: 500 },
    )
  })

  test('whatever the facts: the HTML part has no tag, quote or ampersand of a value', () => {
    fc.assert(
      fc.property(anyFacts, fc.boolean(), (told, custom) => {
        const body = '{recipient_name} {patient_name}\n{location}\n\n{organization_name} {practitioner_name} {date}'
        const html = render(custom ? body : null, told, 'EMAIL').html ?? ''
        const inner = /<body>(.*)<\/body><\/html>$/s.exec(html)?.[1] ?? 'no body'
        const words = inner.replace(/<\/?(?:p|bdi)>|<br>/g, '').replace(/&(?:amp|lt|gt|quot|#39);/g, '')
        expect(words).not.toMatch(/[&<>"']/)
      }),
      { numRuns: 500 },
    )
  })
})
