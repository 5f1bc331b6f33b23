/**
 * For programs that read the head of a mail: narrow screens, and dark ones, with `!important` since what they change is inline. Programs that make mails dark by themselves
 * mark what they changed by `data-ogsc` (Outlook). No pure black or white, which some turn around once more.
 */
const dark = (within: string): string =>
  [
    ['.page', 'background:#16191f!important'],
    ['.card', 'background:#22262e!important'],
    ['.inside', 'color:#e8eaee!important'],
    ['.name,.or .button', 'color:#e8eaee!important'],
    ['.or', 'background:#22262e!important'],
    ['.or .button', 'border-color:#8b94a3!important'],
    ['.facts', 'background:#2c313b!important'],
    ['.facts th,.facts td', 'border-color:#454c58!important'],
    ['.foot,.quiet', 'color:#b3bac6!important'],
    ['.link', 'color:#9cc4ff!important'],
  ]
    .map(
      ([names = '', rule]) =>
        `${names
          .split(',')
          .map((name) => within + name)
          .join(',')}{${rule}}`,
    )
    .join('\n')

export const mailStyles = `
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (max-width:480px){
.inside{padding:20px 16px!important}
.foot{padding:16px!important}
.buttons{width:100%!important}
.button{display:block!important;text-align:center}
}
@media (prefers-color-scheme:dark){
${dark('')}
}
${dark('[data-ogsc] ')}
`
