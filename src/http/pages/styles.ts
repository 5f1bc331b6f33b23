import { createHash } from 'node:crypto'

/** Dark blue: 9:1 with white. */
const usualColor = '#1b4080'

/** Phone first: one column, targets of 44 px, nothing that is as wide as it says. Sizes grow with the reader's own. */
const stylesIn = (color: string): string =>
  `
:root{color-scheme:light}
body{margin:0;background:#fff;color:#1a1a1a;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:break-word}
main{max-width:34rem;margin:0 auto;padding:1rem}
.from{margin:0;font-weight:600;color:${color}}
h1{margin:.25rem 0 1rem;font-size:1.5rem;line-height:1.25}
fieldset{margin:0 0 1.25rem;padding:.5rem 1rem 1rem;border:1px solid #767676;border-radius:.5rem;min-inline-size:0}
fieldset.inner{margin:1rem 0 0}
legend{padding:0 .25rem;font-weight:600}
.box label{display:flex;gap:.75rem;align-items:center;min-height:2.75rem}
input[type=checkbox]{flex:none;width:1.5rem;height:1.5rem;margin:0;accent-color:${color}}
.field{margin:1rem 0}
.field label{display:block;font-weight:600}
.field input,select{box-sizing:border-box;width:100%;min-height:2.75rem;padding:.25rem .5rem;border:1px solid #767676;border-radius:.25rem;background:#fff;color:inherit;font:inherit}
.hint{display:block;color:#4a4a4a}
button{width:100%;min-height:2.75rem;padding:.5rem 1rem;border:2px solid ${color};border-radius:.5rem;background:${color};color:#fff;font:inherit;font-weight:600}
button.second{background:#fff;color:${color}}
:focus-visible{outline:3px solid #1a1a1a;outline-offset:2px}
@media (forced-colors:active){button{border-color:ButtonText}}
`
    .trim()
    .replaceAll('\n', '')

export type Styles = { readonly text: string /** For a Content-Security-Policy. */; readonly hash: string }

const made = new Map<string, Styles>()

/** The one style sheet of a page, in a color of the organization's. */
export function stylesFor(color: string | null): Styles {
  const used = color ?? usualColor
  let styles = made.get(used)
  if (styles === undefined) {
    const text = stylesIn(used)
    styles = { text, hash: `sha256-${createHash('sha256').update(text).digest('base64')}` }
    if (made.size >= 1000) made.clear()
    made.set(used, styles)
  }
  return styles
}
