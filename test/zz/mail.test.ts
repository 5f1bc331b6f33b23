import { simpleParser } from 'mailparser'
import { createHash } from 'node:crypto'
import PostalMime from 'postal-mime'
import { expect, it } from 'vitest'
import { mailOf, written } from '../../adapters/transport/smtp/message.ts'
import { loadNodemailer } from '../../adapters/transport/smtp/nodemailer.ts'
import { emailMessage } from '../adapters/transport/smtp/fixture.ts'

const norm = (s: string | null | undefined) => (s ?? '').toWellFormed().replace(/\r\n?|\n/g, '\n').replace(/\n+$/, '')
const cal = { method: 'REQUEST', content: 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n' } as const
const texts: Record<string, string> = {
  empty: '', dot: 'a\n.\nb', dots: '..\n.', dashes: '--\n--=_x\n--', crs: 'a\rb\r\rc', crlf: 'a\r\nb', surrogate: 'x\ud800y', nul: 'a\0b', trailing: 'é a \nb\t\nc  ',
  trailing7: 'a \nb\t\nc  ', l998: 'x'.repeat(998) + '\ny', l999: 'x'.repeat(999), l998crlf: 'x'.repeat(998) + '\r\ny', long: 'é' + 'word '.repeat(4000), cjk: '漢字'.repeat(5000), emoji: '😀'.repeat(500), mixed: ('abc é ' + 'x'.repeat(75) + '=').repeat(50),
  eq: '=\n==\n=3D=', from: 'From me\nFrom: you', leadingnl: '\n\nx', onlynl: '\n', del: 'a\x7fb', bom: '\ufeffx', ls: 'a\u2028b', big: ('Grüße aus Köln, ' + 'x'.repeat(60) + '\n').repeat(60000), spaces: ' '.repeat(2000), spacesq: 'é' + ' '.repeat(2000), tabs: 'é' + '\t'.repeat(76) + '\n' + ' '.repeat(75) + '\n',
}
const nm = await loadNodemailer()
for (const [n, text] of Object.entries(texts)) {
  it(n, async () => {
    for (const html of [null, '', `<p>${text}</p>`]) for (const calendar of [null, cal]) {
      const raw = written(nm, mailOf(emailMessage({ text, html, calendar })))
      const s = raw.toString('latin1')
      if (/[^\r]\n\n\n\n\n/.test('')) throw 0
      const lines = s.split(/\r\n|\r|\n/)
      expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(998)
      expect(/[^\t\r\n\x20-\x7e]/.test(s)).toBe(false)
      // as on the wire
      const wire = Buffer.from(s.replace(/\r\n?|\n/g, '\r\n'), 'latin1')
      const a = await PostalMime.parse(wire)
      const htmlOnly = text === '' && html !== null && html !== ''
      if (!htmlOnly) expect(norm(a.text)).toBe(norm(text))
      if (html) expect(norm(a.html)).toBe(norm(html))
      if (n !== 'big') {
        const b = await simpleParser(wire, { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true })
        if (!htmlOnly) expect(norm(b.text).replace(/\u0000/g, '\0')).toBe(norm(text))
        if (html) expect(norm(String(b.html))).toBe(norm(html))
        expect(b.attachments.length).toBe(calendar ? 2 : 0)
      }
    }
  })
}
const names = ['Ärztehaus', 'x'.repeat(300), '漢'.repeat(300), 'a, b "c" <d@e> \\', '=?utf-8?q?x?=', 'é '.repeat(200), '😀'.repeat(90), '𠀀'.repeat(60), 'a\r\nBcc: x@y.z', '(comment)', 'word '.repeat(300).trim(), 'x\ud800y', '', '\u202eabc']
it.each(names)('header %#', async (name) => {
  const raw = written(nm, mailOf(emailMessage({ subject: name, fromName: name, toName: name, replyTo: 'reply@example.org', unsubscribeUrl: `https://x.example/${'y'.repeat(400)}` })))
  const a = await PostalMime.parse(raw)
  const b = await simpleParser(raw)
  const want = name.replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ').replaceAll('=?', '= ?').trim()
  expect(a.subject ?? '').toBe(want)
  expect(b.subject ?? '').toBe(want)
  expect(a.from?.name).toBe(want); expect(a.to?.[0]?.name).toBe(want)
  expect(a.to?.map((t) => t.address)).toEqual(['canary.patient@example.org'])
  expect(a.replyTo?.[0]?.address).toBe('reply@example.org')
  expect(a.headers.find((h) => h.key === 'list-unsubscribe')?.value).toContain('y'.repeat(400))
  expect(Math.abs(Date.parse(a.date ?? '') - Date.now())).toBeLessThan(5000)
  for (const line of raw.toString().split('\r\n\r\n')[0]!.split('\r\n')) expect(line.length).toBeLessThan(998)
  const count: Record<string, number> = {}
  for (const { key } of a.headers) count[key] = (count[key] ?? 0) + 1
  expect(Object.values(count).every((c) => c === 1)).toBe(true)
})
it('eai', async () => {
  const raw = written(nm, mailOf(emailMessage({ from: 'straße@müller.example', to: '用户@例子.example', replyTo: 'ü@x.example' })))
  console.log(raw.toString().split('\r\n\r\n')[0])
})
