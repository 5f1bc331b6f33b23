import { markup } from '../../services/links/markup.ts'
import type { Box, ButtonForm, ChannelPart, Page, PreferencesForm } from '../../services/links/page.ts'
import { Content } from '../content.ts'
import { type Styles, stylesFor } from './styles.ts'

/**
 * Of every page: nothing is loaded, run, framed, kept or indexed, and no other site learns of the link. `style-src` names the one
 * style sheet by its hash.
 */
const headersFor = ({ hash }: Styles): Readonly<Record<string, string>> => ({
  'content-security-policy': [
    "default-src 'none'",
    `style-src '${hash}'`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex, nofollow, noarchive',
  'x-frame-options': 'DENY',
})

/** The page as HTML that needs no script, and can be read without its styles. */
export function contentOfPage(page: Page): Content {
  const { language, isFromRight, organization, color, title, paragraphs, isResult, file, form } = page
  const heading = isResult ? `<h1 tabindex="-1" autofocus>${markup(title)}</h1>` : `<h1>${markup(title)}</h1>`
  const body = [
    ...(organization === null ? [] : [`<p class="from">${markup(organization)}</p>`]),
    heading,
    ...paragraphs.map((text) => (isResult ? `<p role="status">${markup(text)}</p>` : `<p>${markup(text)}</p>`)),
    ...(file === null ? [] : [`<p><a href="${markup(file.href)}" download>${markup(file.label)}</a></p>`]),
    ...(form === null ? [] : [form.kind === 'button' ? buttonForm(form) : preferencesForm(form)]),
  ]
  const direction = isFromRight ? 'rtl' : 'ltr'
  const name = organization === null ? title : `${title} - ${organization}`
  const styles = stylesFor(color)
  const html = document(language, direction, name, styles, body)
  return new Content('text/html; charset=utf-8', html, headersFor(styles), page.status)
}

const document = (
  language: string,
  direction: string,
  title: string,
  { text }: Styles,
  body: readonly string[],
): string => `<!doctype html>
<html lang="${markup(language)}" dir="${direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="color-scheme" content="light">
<title>${plain(title)}</title>
<style>${text}</style>
</head>
<body>
<main>
${body.join('\n')}
</main>
</body>
</html>
`

/** Where no element may stand. */
const plain = (text: string): string => markup(text.replace(/[\u2066-\u2069]/g, ''))

const buttonForm = ({ button }: ButtonForm): string =>
  `<form method="post"><button type="submit">${markup(button)}</button></form>`

const preferencesForm = ({ channels, language, shown, save, stopAll }: PreferencesForm): string => `<form method="post">
<input type="hidden" name="shown" value="${markup(shown)}">
${channels.map(channelPart).join('\n')}
${language === null ? '' : languagePart(language)}
<p class="do"><button type="submit">${markup(save)}</button></p>
<p class="do"><button type="submit" name="stop" value="all" class="second">${markup(stopAll)}</button></p>
</form>`

function channelPart({ channel, name, address, boxes, offsets, contact }: ChannelPart): string {
  const to = address === null ? '' : ` <bdi dir="ltr">${markup(address)}</bdi>`
  return `<fieldset>
<legend>${markup(name)}${to}</legend>
${boxes.map((box) => boxOf(box)).join('\n')}
${offsets === null ? '' : `<fieldset class="inner">\n<legend>${markup(offsets.legend)}</legend>\n${offsets.boxes.map((box) => boxOf(box)).join('\n')}\n</fieldset>`}
${contact === null ? '' : contactPart(channel, contact)}
</fieldset>`
}

const boxOf = ({ name, value, label, isChecked }: Box): string =>
  `<div class="box"><label><input type="checkbox" name="${markup(name)}" value="${markup(value)}"${isChecked ? ' checked' : ''}> <span>${markup(label)}</span></label></div>`

function contactPart(channel: string, { name, label, hint, isPhone }: NonNullable<ChannelPart['contact']>): string {
  const id = `to-${channel.toLowerCase()}`
  const kind = isPhone ? 'type="tel" autocomplete="tel"' : 'type="email" autocomplete="email"'
  return `<div class="field"><label for="${id}">${markup(label)}</label>
<input id="${id}" name="${markup(name)}" ${kind} dir="ltr" maxlength="320" aria-describedby="${id}-hint">
<span class="hint" id="${id}-hint">${markup(hint)}</span></div>`
}

const languagePart = ({ label, options }: NonNullable<PreferencesForm['language']>): string =>
  `<div class="field"><label for="language">${markup(label)}</label>
<select id="language" name="language">
${options.map(({ tag, name, isSelected }) => `<option value="${markup(tag)}" lang="${markup(tag)}"${isSelected ? ' selected' : ''}>${plain(name)}</option>`).join('\n')}
</select></div>`
