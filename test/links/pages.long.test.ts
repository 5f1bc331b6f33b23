import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { expressRouter } from '../../adapters/http/express.ts'
import { Consent } from '../../src/services/consent/consent.ts'
import { listening } from '../adapters/http/listening.ts'
import { chromium, openBrowser, type Tab } from '../support/browser.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'

/** `AXE` names the file of axe-core where the package is not installed; null: there is none. */
const axe = axeSource()

function axeSource(): string | null {
  try {
    const path = process.env['AXE'] ?? createRequire(import.meta.url).resolve('axe-core/axe.min.js')
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

if (chromium === null) console.warn('!! There is no Chromium: the pages of links were NOT opened by a browser.')
else if (axe === null) console.warn('!! axe-core is not installed: the pages of links were NOT checked by it.')

const heard = { onConfirm() {}, onChangeRequest() {}, onCancelRequest() {} }
const heights = { phone: { width: 390, height: 844 }, zoomed: { width: 320, height: 640 } } as const

describe.skipIf(chromium === null)('the pages of links, in a browser', () => {
  const closing: (() => Promise<unknown>)[] = []
  let tab: Tab
  let clinic: Awaited<ReturnType<typeof openClinic>>
  const urls = new Map<string, string>()
  const methods: string[] = []
  const at = (purpose: string, language = 'en') => urls.get(`${language} ${purpose}`) ?? ''

  beforeAll(async () => {
    const served = { handle: async (...asked: Parameters<typeof clinic.handle>) => clinic.handle(...asked) }
    const router = expressRouter(served)
    const server = createServer((request, response) => {
      methods.push(`${request.method}`)
      void router(request, response)
    })
    const { origin, close } = await listening(server.listen(0, '127.0.0.1'))
    closing.push(close)
    clinic = await openClinic('2031-03-08T09:00:00Z', { publicUrl: origin, rateLimits: false, hooks: heard })
    closing.push(() => clinic[Symbol.asyncDispose]())
    const links = '{confirm_url} {change_url} {cancel_url} {preferences_url}'
    await clinic.settings.createOrganizationSettings(organizationId, {
      emailTemplates: { appointment_confirmation: links },
      textLanguages: ['ar', 'de'],
      brandColor: '#8a1538',
      defaultEmailReminders: ['1w', '1d@18:00', 2],
    })
    await clinic.start()
    for (const [id, locale] of [
      [42, 'en'],
      [43, 'ar'],
    ] as const) {
      const recipients = [{ ...ada, id, email: `${locale}@example.org`, phone: `+141555501${id}`, locale }]
      clinic.host.book({ id, startsAt: '2031-03-10T10:00:00', recipients })
      await clinic.notifications.appointmentBooked(id)
      await clinic.clock.advance(1000)
      const mail = clinic.outbox.sent.findLast(({ channel }) => channel === 'EMAIL')
      for (const [url, purpose = ''] of mail?.text.matchAll(/http:\S+\/(\w+)\/\w{22}/g) ?? [])
        urls.set(`${locale} ${purpose}`, url)
    }
    const browser = await openBrowser(chromium ?? '')
    closing.push(() => browser.close())
    tab = browser.tab
  }, 60_000)
  afterAll(async () => {
    for (const close of closing.toReversed()) await close()
  })

  const size = (of: { readonly width: number; readonly height: number }) =>
    tab.send('Emulation.setDeviceMetricsOverride', { ...of, deviceScaleFactor: 1, mobile: false })
  const pages = ['preferences', 'confirm', 'cancel'] as const
  const shot = async (name: string) => {
    const folder = process.env['SHOTS']
    if (folder !== undefined) await writeFile(`${folder}/${name}.png`, await tab.screenshot())
  }
  /** What axe finds, in short. */
  const faults = async (): Promise<unknown> => {
    await tab.value(`${axe}; 0`)
    return tab.value(
      `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
        .then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html).join(' ')))`,
    )
  }

  it.each(['en', 'ar'])(
    'can be read by everybody, in "%s", also at 400 percent and without styles',
    async (language) => {
      for (const purpose of pages) {
        for (const [name, of] of Object.entries(heights)) {
          await size(of)
          await tab.open(at(purpose, language))
          await shot(`${purpose}-${language}-${name}`)
          // Nothing is cut off, and nobody scrolls sideways.
          const sideways = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
          expect([purpose, name, await tab.value(sideways)]).toEqual([purpose, name, 0])
          const box = "JSON.stringify(document.querySelector('main').getBoundingClientRect())"
          const { left, right } = z
            .object({ left: z.number(), right: z.number() })
            .parse(JSON.parse(String(await tab.value(box))))
          expect([left >= 0, right <= of.width]).toEqual([true, true])
          if (axe !== null) expect([purpose, name, await faults()]).toEqual([purpose, name, []])
        }
        const text = await tab.value('document.body.innerText.replace(/\\s+/g, " ").trim()')
        await tab.value('document.querySelector("style").remove()')
        await shot(`${purpose}-${language}-unstyled`)
        expect(await tab.value('document.body.innerText.replace(/\\s+/g, " ").trim()')).toBe(text)
        expect(await tab.value('document.documentElement.dir')).toBe(language === 'ar' ? 'rtl' : 'ltr')
        // A target of 44 px for each box.
        await tab.open(at(purpose, language))
        const small = await tab.value(
          '[...document.querySelectorAll("label:has(input), button, select, input:not([type=hidden],[type=checkbox])")].filter((one) => one.getBoundingClientRect().height < 44).length',
        )
        expect(small).toBe(0)
      }
    },
  )

  it('changes nothing where a program opens it and runs scripts', async () => {
    methods.length = 0
    for (const url of urls.values()) {
      await tab.open(url)
      await tab.value('new Promise((resolve) => setTimeout(resolve, 50))')
    }
    expect(new Set(methods)).toEqual(new Set(['GET']))
  })

  it('is used with the keyboard alone, and the result has the focus', async () => {
    const refuse = vi.spyOn(Consent.prototype, 'refuse')
    await size(heights.phone)
    await tab.open(at('preferences'))
    const focused = () =>
      tab.value('document.activeElement.name || document.activeElement.innerText || document.activeElement.tagName')
    const order: unknown[] = []
    for (let count = 0; count < 40; count += 1) {
      await tab.press('Tab', 9)
      order.push(await focused())
      if (order.at(-1) === 'EMAIL.WAITLIST') await tab.press(' ', 32)
      if (order.at(-1) === 'Save') break
    }
    const controls = z
      .array(z.string())
      .parse(
        await tab.value(
          '[...document.querySelectorAll("input:not([type=hidden]), select, button")].map((one) => one.name || one.innerText)',
        ),
      )
    expect(order).toEqual(controls.slice(0, -1))
    const outline = await tab.value('getComputedStyle(document.activeElement).outlineStyle')
    expect(outline).toBe('solid')
    await tab.loaded(() => tab.press('Enter', 13))
    await shot('saved')
    // Browsers move the focus once they have drawn the page, which may be after its load.
    await expect.poll(() => tab.value('document.activeElement.tagName')).toBe('H1')
    expect(await tab.value('document.body.innerText')).toContain('Your choices have been saved.')
    if (axe !== null) expect(await faults()).toEqual([])
    expect(refuse).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ channels: ['EMAIL'], categories: ['WAITLIST'] }),
    )
    await tab.open(`${new URL(at('preferences')).origin}/preferences/${'0'.repeat(22)}`)
    if (axe !== null) expect(await faults()).toEqual([])
    await shot('gone')
  })
})
