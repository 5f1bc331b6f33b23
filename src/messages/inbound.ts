import { onFirstUse } from '../schemas/on-first-use.ts'
import type { InboundMeaning } from '../schemas/vocabulary.ts'
import { ambiguousWords, inboundWords } from './inbound-words.ts'

/** What a text means. `mayCancel`: it may ask to cancel an appointment. */
export type Understood = { readonly meaning: InboundMeaning; readonly mayCancel: boolean }

/**
 * What a person's text means for consent. Only the whole text, or one of the words with nothing but courtesy around it, is an
 * opt-out; a word of refusal in anything longer is a doubt. Case, width, accents (but of Vietnamese) and punctuation do not count, and
 * neither do blanks: `opt out`, `OPT-OUT` and `optout` are one.
 */
export function understand(text: string): Understood {
  const { phrases, ambiguous, courtesy, doubtful } = readWords()
  const words = wordsOf(text)
  const bare = words.filter((word) => !courtesy.has(word))
  for (const candidate of [words, bare]) {
    const whole = candidate.join('')
    for (const meaning of wholes) if (phrases[meaning].has(whole)) return { meaning, mayCancel: meaning === 'cancel' }
  }
  if (ambiguous.has(bare.join(''))) return { meaning: 'doubt', mayCancel: true }
  // Said several times, it is no more in doubt than said once.
  const [first] = bare
  if (first !== undefined && phrases.stop.has(first) && bare.every((word) => word === first)) return stop
  const found = doubtful.filter((phrase) => contains(words, phrase))
  if (found.length === 0) return other
  return {
    meaning: 'doubt',
    mayCancel: found.some((phrase) => !phrases.stop.has(phrase) && !phrase.startsWith('stop')),
  }
}

const stop = { meaning: 'stop', mayCancel: false } as const
const other = { meaning: 'other', mayCancel: false } as const

/** The longest text that is read: nobody refuses on the second page. */
const readLength = 2000

/** Signs that Latin letters have in Vietnamese alone, or together: there other accents are other words. */
const vietnamese = /đ|\u031B|\u0309|\u0323|[\u0302\u0306][\u0300\u0301\u0303]/u

/** Without accents, where these are no letters of their own: the vowels of Hindi and Bengali are marks too. */
const withoutAccents = (word: string): string =>
  vietnamese.test(word) ? word : word.replace(/([\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Arabic}])\p{M}+/gu, '$1')

/** In lower case, without accents, width and punctuation. */
function wordsOf(text: string): readonly string[] {
  const plain = text
    .slice(0, readLength)
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\p{L}\p{M}]+/gu, withoutAccents)
    .normalize('NFC')
    .replaceAll('ı', 'i')
    .replaceAll('ł', 'l')
    .replaceAll('ß', 'ss')
    // An apostrophe ends a short word (l'arret) or is within one (don't); any other mark is between two.
    .replace(/(?<!\p{L})(\p{L}{1,2})['’‘`´](?=\p{L}{2})/gu, '$1 ')
    .replace(/['’‘`´]/g, '')
  return plain.match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu) ?? []
}

const compact = (phrase: string): string => wordsOf(phrase).join('')
const all = (part: keyof (typeof inboundWords)[string]): readonly string[] =>
  Object.values(inboundWords).flatMap((words) => words[part])
const setOf = (part: keyof (typeof inboundWords)[string]): ReadonlySet<string> => new Set(all(part).map(compact))

/** In the order in which they count. */
const wholes = ['stop', 'cancel', 'start', 'yes', 'help'] as const
/** Read when the first text comes in. */
const readWords = onFirstUse(() => {
  const phrases: Readonly<Record<(typeof wholes)[number], ReadonlySet<string>>> = {
    stop: setOf('stop'),
    cancel: setOf('cancel'),
    start: setOf('start'),
    yes: setOf('yes'),
    help: setOf('help'),
  }
  return {
    phrases,
    ambiguous: new Set(ambiguousWords.map(compact)),
    courtesy: new Set(all('courtesy').flatMap(wordsOf)),
    doubtful: [...setOf('doubt')],
  }
})

/** Whether the words hold the phrase, written in one or several; where words are not parted by blanks, within one. */
function contains(words: readonly string[], phrase: string): boolean {
  if (/[\p{Script=Han}\p{Script=Hangul}]/u.test(phrase)) return words.join('').includes(phrase)
  return words.some((_, start) => {
    let joined = ''
    for (let index = start; index < words.length && joined.length < phrase.length; index += 1) joined += words[index]
    return joined === phrase
  })
}
