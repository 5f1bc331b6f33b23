import { withElements } from './direction.ts'
import { type Block, type Button, type Inline, type MessageDocument, wordsHtml } from './document.ts'
import { mailStyles } from './mail-styles.ts'
import { escapeHtml } from './text.ts'

/** What the mails of an organization have in common. */
export type MailBrand = {
  readonly organization: string | null
  /** `alt`: what stands in place of a picture that is not loaded. */
  readonly logo: { readonly url: string; readonly alt: string } | null
  /** `#rrggbb`, on which white can be read: of buttons and links. */
  readonly color: string
  /** Lines below the text, such as an address. */
  readonly footer: readonly string[]
  readonly phone: string | null
}

/** A mail, before it is HTML. Nothing in it is escaped yet. */
export type MailContent = {
  /** BCP 47. */
  readonly language: string
  readonly isFromRight: boolean
  readonly subject: string
  readonly document: MessageDocument
  readonly brand: MailBrand
  /** Where the person chooses which messages they get; null: there is no such link. */
  readonly preferences: Button | null
}

/**
 * Makes the HTML of a mail: a whole document, at once. It is code of the host application and runs in its process: one that never returns
 * stops the process, and nothing can interrupt it. Where it throws, or returns no text, none but blanks, a promise, or more than 2,000,000
 * characters, the layout of the library is used.
 */
export type MailLayout = (mail: MailContent) => string

/** What stands around the text, of one brand and direction. */
type Shell = { readonly head: string; readonly top: string; readonly bottom: string }

const shells = new WeakMap<MailBrand, Map<boolean, Shell>>()

function shellOf(brand: MailBrand, isFromRight: boolean): Shell {
  const known = shells.get(brand) ?? new Map<boolean, Shell>()
  shells.set(brand, known)
  const shell = known.get(isFromRight) ?? makeShell(brand, isFromRight)
  known.set(isFromRight, shell)
  return shell
}

const escaped = (text: string): string => withElements(escapeHtml(text))
/** Where no element may stand. */
const plain = (text: string): string => escapeHtml(text.replace(/[\u2066-\u2069]/g, ''))

const page = 'margin:0;padding:0;background:#f2f4f7'
const font = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
const small = `${font};font-size:14px;line-height:1.5;color:#4a5261`
/** Of tables that are no tables. */
const bare = 'role="presentation" cellpadding="0" cellspacing="0" border="0"'

/**
 * The head, what stands above the text and what below. Styles are inline, since some programs drop the head; what the head adds is for small and dark
 * screens. Outlook on Windows knows no `max-width`, and is given a table of its own around it.
 */
function makeShell({ organization, logo, color, footer, phone }: MailBrand, isFromRight: boolean): Shell {
  const align = isFromRight ? 'right' : 'left'
  const name =
    logo === null
      ? organization === null
        ? ''
        : `<p class="name" style="margin:0 0 16px;font-size:18px;font-weight:600;color:${color}">${escaped(organization)}</p>\n`
      : `<p style="margin:0 0 16px"><img src="${escapeHtml(logo.url)}" alt="${plain(logo.alt)}" height="48"\nstyle="height:48px;width:auto;max-width:100%;border:0;font-size:18px;font-weight:600"></p>\n`
  const lines = footer.map((line) => escaped(line))
  const number =
    phone === null
      ? []
      : [
          `<a class="quiet" href="tel:${phone.replace(/[^+\d]/g, '')}"\nstyle="color:#4a5261"><bdi dir="ltr">${plain(phone)}</bdi></a>`,
        ]
  const about = [...lines, ...number]
  return {
    head: `<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<style>${mailStyles}</style>`,
    top: `<table ${bare} width="100%">
<tr><td align="center" style="padding:24px 12px">
<!--[if mso]><table ${bare} width="600"><tr><td><![endif]-->
<table class="card" ${bare} width="100%"
style="max-width:600px;margin:0 auto;background:#ffffff;border-radius:8px">
<tr><td class="inside" align="${align}" style="padding:28px 32px;
${font};
font-size:16px;line-height:1.5;color:#1d2430;text-align:${align}">
${name}`,
    bottom: `</td></tr></table>
<table ${bare} width="100%"
style="max-width:600px;margin:0 auto">
<tr><td class="foot" align="${align}" style="padding:16px 32px;
${small};text-align:${align}">
${about.length === 0 ? '' : `<p style="margin:0 0 8px">${about.join('<br>\n')}</p>\n`}`,
  }
}

/** The layout of the library: a card with name or logo, text, facts and buttons; below it address, phone and preferences. */
export function builtInLayout({ language, isFromRight, subject, document, brand, preferences }: MailContent): string {
  const { head, top, bottom } = shellOf(brand, isFromRight)
  const direction = isFromRight ? 'rtl' : 'ltr'
  const lang = escapeHtml(language)
  const text = document.blocks.map((block) => inLayout(block, brand.color, isFromRight)).join('\n')
  const wishes =
    preferences === null
      ? ''
      : `<p style="margin:0"><a class="quiet" href="${escapeHtml(preferences.href)}"\nstyle="color:#4a5261">${escaped(preferences.label)}</a></p>\n`
  return `<!doctype html>
<html lang="${lang}" dir="${direction}">
<head>
${head}
<title>${plain(subject)}</title>
</head>
<body class="page" style="${page}">
<div class="page" lang="${lang}" dir="${direction}" style="background:#f2f4f7">
${preheaderOf(document.preheader)}${top}${text}
${bottom}${wishes}</td></tr></table>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr></table>
</div>
</body>
</html>
`
}

/** Behind the preheader: they keep programs from going on with the text. */
const blanks = '&#847;&zwnj;&nbsp;'.repeat(20)

const preheaderOf = (text: string | null): string =>
  text === null
    ? ''
    : `<div style="display:none;font-size:1px;line-height:1px;max-height:0;\noverflow:hidden">${escaped(text)}${blanks}</div>\n`

function inLayout(block: Block, color: string, isFromRight: boolean): string {
  switch (block.kind) {
    case 'paragraph':
      return `<p style="margin:0 0 16px">${linksIn(block.words, color)}</p>`
    case 'heading': {
      const size = 24 - 2 * block.level
      return `<h${block.level} style="margin:24px 0 12px;font-size:${size}px;line-height:1.3">${linksIn(block.words, color)}</h${block.level}>`
    }
    case 'facts':
      return factsTable(block.facts, isFromRight)
    case 'buttons':
      return block.buttons.map((button, index) => buttonOf(button, color, index === 0)).join('\n')
    case 'list':
      return listOf(block, color, isFromRight)
  }
}

const listOf = (
  { isNumbered, items }: Extract<Block, { kind: 'list' }>,
  color: string,
  isFromRight: boolean,
): string => {
  const element = isNumbered ? 'ol' : 'ul'
  const inset = isFromRight ? '0 24px 0 0' : '0 0 0 24px'
  const lines = items.map((words) => `<li>${linksIn(words, color)}</li>`)
  return `<${element} style="margin:0 0 16px;padding:${inset}">${lines.join('')}</${element}>`
}

const linksIn = (words: readonly Inline[], color: string): string =>
  wordsHtml(words).replaceAll('<a href=', `<a class="link" style="color:${color}" href=`)

const cell = 'padding:8px 12px;vertical-align:top'

function factsTable(
  facts: readonly { readonly label: string | null; readonly value: string }[],
  isFromRight: boolean,
): string {
  const align = isFromRight ? 'right' : 'left'
  const rows = facts.map(({ label, value }, index) => {
    const line = index === 0 ? '' : ';border-top:1px solid #d9dde3'
    const words = escaped(value).replaceAll('\n', '<br>')
    return label === null
      ? `<tr><td colspan="2" style="${cell};text-align:${align}${line}">${words}</td></tr>`
      : `<tr><th scope="row" style="${cell};text-align:${align};\nfont-weight:600;white-space:nowrap${line}">${escaped(label)}</th>\n<td style="${cell};width:100%;text-align:${align}${line}">${words}</td></tr>`
  })
  return `<table class="facts" width="100%" cellpadding="0" cellspacing="0" border="0"\nstyle="margin:0 0 16px;background:#f2f4f7;border-radius:6px">\n${rows.join('\n')}\n</table>`
}

/** 44 px high: 12 above and below a line of 20. */
function buttonOf({ label, href }: Button, color: string, isFirst: boolean): string {
  const [ground, ink] = isFirst ? [color, '#ffffff'] : ['#ffffff', color]
  return `<table class="buttons" ${bare} style="margin:0 0 12px"><tr>
<td class="${isFirst ? 'do' : 'or'}" bgcolor="${ground}" style="border-radius:6px;background:${ground}">
<a class="button" href="${escapeHtml(href)}" style="display:inline-block;padding:12px 24px;
line-height:20px;font-weight:600;text-decoration:none;color:${ink};
border:1px solid ${color};border-radius:6px">${escaped(label)}</a></td>
</tr></table>`
}
