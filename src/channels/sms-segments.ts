/** GSM 03.38, the basic table; each counts one unit. */
const basic =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà'
/** The extension table: an escape and a character, two units. */
const extension = '\f^{}\\[~]|€'

const unitTable = new Uint8Array(0x10000)
for (const character of basic) unitTable[character.charCodeAt(0)] = 1
for (const character of extension) unitTable[character.charCodeAt(0)] = 2

const foreignLetter = new RegExp(`(?![${basic.replace(/\P{L}/gu, '')}])[\\p{Lu}\\p{Ll}\\p{Lt}\\p{Lo}]`, 'u')

/** Whether it has a letter that makes it UCS-2, whatever becomes of its other characters. */
export const hasForeignLetter = (text: string): boolean => foreignLetter.test(text)

export type SmsSize = {
  encoding: 'GSM-7' | 'UCS-2'
  /** Septets for GSM-7, 16-bit units for UCS-2. */
  units: number
}

/** One pass over the text, no allocation to speak of. */
export function smsSize(text: string): SmsSize {
  let units = 0
  for (let index = 0; index < text.length; index++) {
    const cost = unitTable[text.charCodeAt(index)] ?? 0
    if (cost === 0) return { encoding: 'UCS-2', units: text.length }
    units += cost
  }
  return { encoding: 'GSM-7', units }
}

/** Units in a message of one segment, and in each of several, whose header takes room. */
const capacity = { 'GSM-7': { alone: 160, joined: 153 }, 'UCS-2': { alone: 70, joined: 67 } } as const

/** The segments of a text of this size if no pair fell on a seam: exact for one segment, else at most a few too low. */
export function roughSegments({ encoding, units }: SmsSize): number {
  const { alone, joined } = capacity[encoding]
  return units <= alone ? 1 : Math.ceil(units / joined)
}

let segmenter: Intl.Segmenter | undefined

function graphemesOf(text: string): string[] {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' })
  return Array.from(segmenter.segment(text), ({ segment }) => segment)
}

/** A letter with a combining accent is not GSM-7, though the letter alone is. */
const isGsm = (grapheme: string): boolean =>
  grapheme === '\r\n' || (grapheme.length === 1 && (unitTable[grapheme.charCodeAt(0)] ?? 0) > 0)

function countSegments(pieces: Iterable<number>, room: number): number {
  let segments = 1
  let free = room
  for (const size of pieces) {
    if (size > free) {
      segments++
      free = room
    }
    free -= size
  }
  return segments
}

/** Sizes of what may not be torn: a grapheme; one too long for any segment (stacked accents) by its code points. */
function* unbreakable(text: string, graphemes: readonly string[], { encoding }: SmsSize): Generator<number> {
  if (encoding === 'GSM-7') {
    for (let index = 0; index < text.length; index++) yield unitTable[text.charCodeAt(index)] ?? 1
    return
  }
  for (const grapheme of graphemes) {
    if (grapheme !== '\r\n' && grapheme.length <= capacity[encoding].joined) yield grapheme.length
    else for (const character of grapheme) yield character.length
  }
}

/**
 * What an SMS costs: 160 GSM-7 units in one segment, 153 in each of several; 70 and 67 in UCS-2, to which a single
 * character outside GSM-7 turns the whole text. `forcedBy`: those characters, each once, as they are read.
 * An escape pair, a surrogate pair or a grapheme is not torn over two segments. The empty text is one segment.
 */
export function smsSegments(text: string): SmsSize & { segments: number; forcedBy: string[] } {
  const size = smsSize(text)
  const { alone, joined } = capacity[size.encoding]
  const graphemes = size.encoding === 'UCS-2' ? graphemesOf(text) : []
  const segments = size.units <= alone ? 1 : countSegments(unbreakable(text, graphemes, size), joined)
  return { ...size, segments, forcedBy: [...new Set(graphemes.filter((grapheme) => !isGsm(grapheme)))] }
}
