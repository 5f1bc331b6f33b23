/** What typesetters and word processors write, by what a keyboard has for it; '' for what nobody sees. */
const twins: readonly (readonly [characters: RegExp, twin: string])[] = [
  [/[\u2018-\u201b\u2032\u2035\u2039\u203a\u02b9\u02bb\u02bc\u00b4`]/g, "'"],
  [/[\u201c-\u201f\u2033\u2036\u00ab\u00bb\u301d-\u301f]/g, '"'],
  [/[\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d\u2022]/g, '-'],
  [/\u2026/g, '...'],
  [/[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, ' '],
  [/\p{Default_Ignorable_Code_Point}/gu, ''],
]

/** A text with plain quotes, dashes and spaces, without marks that nobody sees, and with letters in one piece. Letters stay what they are. */
export const plainCharacters = (text: string): string =>
  twins.reduce((plain, [characters, twin]) => plain.replace(characters, twin), text.normalize('NFC'))

/** As a person can read it: a mark that nobody sees by its code. */
export const visibly = (character: string): string =>
  /^[\p{C}\p{Z}\p{M}\p{Default_Ignorable_Code_Point}]/u.test(character)
    ? `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
    : character
