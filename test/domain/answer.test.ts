/** What a reply means: in eight languages, with and without a code, and when it is for people. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AnswerWords,
  codeFor,
  codes,
  joinedWords,
  needsCode,
  plainWords,
  type Question,
  questionFor,
  readAnswer,
} from '../../src/domain/answer.ts'
import { Languages } from '../../src/messages/languages.ts'

const lists = (await new Languages().answerWords()).map(({ confirm, change, courtesy }) => ({
  confirm: confirm.map(plainWords),
  change: change.map(plainWords),
  courtesy: courtesy.map(plainWords),
}))
const words: AnswerWords = joinedWords(lists)

/** `+` confirms, `~` asks for a change, `?` is for people; a code stands behind. */
const corpus: Readonly<Record<string, string>> = {
  en: `C + | c. + | C! + | 1 + | Y + | Yes + | YES + | yes, please + | Ok thanks + | "Confirm" + | Confirmed 👍 + | I will be there + |
    C 4K + 4K | C4K + 4K | c-4k + 4K | 4K C + 4K | 14K + 4K | 1 4k + 4K | yes 7w thanks + 7W | R ~ | r. ~ | 2 ~ | Change ~ |
    Reschedule please ~ | R 4K ~ 4K | 24K ~ 4K | another time ~ | no ? | yes but later ? | can I come at 3 ? | C R ? | 12 ? | 3 ? |
    4K ? | C 4K 7W ? | cc ? | I want to change my insurance ? | cancel ? | quit ? | end ? | I can't make it ? | yes no ?  | C 1A ?`,
  de: `Ja + | ja, danke + | JA BITTE + | Ich bestätige + | ich bestaetige ? | passt + | 1 + | Ändern ~ | verschieben bitte ~ | 2 ~ | nein ? |
    Absagen ? | ja aber erst um 11 ? | Ja 9T + 9T | 2 9t ~ 9T`,
  es: `Sí + | si + | SI GRACIAS + | confirmo + | Cambiar por favor ~ | otra hora ~ | no puedo ? | cancelar ? | 1 3F + 3F`,
  fr: `Oui + | oui merci + | Je confirme + | D’accord + | d'accord + | Confirmé + | confirme + | Modifier ~ | reporter svp ~ | non ? | annuler ? | oui mais plus tard ?`,
  it: `Sì + | si, grazie + | Confermo + | va bene + | Spostare ~ | altro orario ~ | no ? | annulla ?`,
  pt: `Sim + | sim, obrigada + | Confirmo + | Remarcar ~ | outro horário ~ | outro horario ~ | não ? | sair ?`,
  ar: `نعم + | نعم، شكرا + | ١ + | تأكيد + | تغيير ~ | ٢ ~ | لا ? | ١ 4K + 4K`,
  ru: `Да + | да, спасибо + | ПОДТВЕРЖДАЮ + | Перенести, пожалуйста ~ | нет ? | стоп ? | да 6P + 6P`,
}

const rows = Object.entries(corpus).flatMap(([language, text]) =>
  text.split('|').map((row) => {
    const [, said = '', mark = '', code = null] = /^\s*(.*?) ([+~?])\s*(\S+)?\s*$/s.exec(row) ?? []
    return { language, said, mark, code: code || null }
  }),
)

describe('a reply', () => {
  it('means what its language says', () => {
    expect(rows.length).toBeGreaterThan(100)
    const read = rows.map(({ language, said }) => {
      const answer = readAnswer(said, words)
      const mark = answer === null ? '?' : answer.action === 'confirm' ? '+' : '~'
      return { language, said, mark, code: answer?.code ?? null }
    })
    expect(read).toEqual(rows)
  })

  it('is for people where it is as long as a letter, whatever it says, and at once', () => {
    const began = process.threadCpuUsage().user
    for (const text of ['yes thanks ', 'a ', 'a\u0323\u0301'].map((part) => part.repeat(65_536 / part.length)))
      expect(readAnswer(text, words)).toBe(null)
    expect((process.threadCpuUsage().user - began) / 1000).toBeLessThan(100)
  })

  it('is never read from a word that opts out, in any language', () => {
    const optOuts =
      'stop stopall unsubscribe cancel end quit revoke optout arret alto baja stopp abmelden sair parar annulla start unstop help info'
    for (const word of optOuts.split(' ')) {
      expect([word, readAnswer(word, words)]).toEqual([word, null])
      expect([word, readAnswer(`${word} 4K`, words)]).toEqual([word, null])
    }
  })

  it('confirms and asks for a change in every language, by its own words, its digits and its letters', () => {
    expect(lists).toHaveLength(20)
    for (const { confirm, change } of lists) {
      for (const word of confirm) expect([word, readAnswer(word, words)?.action]).toEqual([word, 'confirm'])
      for (const word of change) expect([word, readAnswer(word, words)?.action]).toEqual([word, 'change'])
    }
  })

  it('is read whatever its case, blanks and punctuation, and never throws', () => {
    const noise = fc.array(fc.constantFrom(' ', '.', '!', ',', '\n', '\u200b', '🙂'), { maxLength: 4 })
    const word = fc.constantFrom(...words.confirm, ...words.change)
    fc.assert(
      fc.property(noise, word, fc.option(fc.constantFrom(...codes)), noise, (before, said, code, after) => {
        const text = `${before.join('')}${code === null ? said : `${said} ${code}`}${after.join('')}`
        const action = words.confirm.includes(said) ? 'confirm' : 'change'
        return JSON.stringify(readAnswer(text, words)) === JSON.stringify({ action, code })
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => readAnswer(text, words) !== undefined),
    )
  })
})

const question = (appointmentId: number, change: Partial<Question> = {}): Question => ({
  organizationId: 'harbour',
  appointmentId,
  code: codes[appointmentId] ?? '',
  sender: null,
  isConfirmed: false,
  startsAt: new Date(appointmentId),
  askedAt: new Date(appointmentId),
  ...change,
})
const confirm = { action: 'confirm', code: null } as const
const change = { action: 'change', code: null } as const

describe('an answer', () => {
  it('belongs to the only appointment that was asked about, by its last message', () => {
    const again = question(1, { askedAt: new Date(9) })
    expect(questionFor(confirm, [again, question(1)])).toBe(again)
    expect(questionFor(change, [question(1)])?.appointmentId).toBe(1)
    expect(questionFor(confirm, [])).toBeNull()
  })

  it('could mean several, and is for people; a code says which', () => {
    const both = [question(1), question(2)]
    expect(questionFor(confirm, both)).toBeNull()
    expect(questionFor(change, both)).toBeNull()
    expect(questionFor({ action: 'change', code: codes[2] ?? '' }, both)?.appointmentId).toBe(2)
    expect(questionFor({ action: 'change', code: codes[3] ?? '' }, both)).toBeNull()
  })

  it('confirms the one that is not confirmed yet, but changes none of several', () => {
    const both = [question(1, { isConfirmed: true }), question(2)]
    expect(questionFor(confirm, both)?.appointmentId).toBe(2)
    expect(questionFor(change, both)).toBeNull()
  })
})

describe('a code', () => {
  it('is one for each appointment at an address, and the same for the same', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 10_000 }), { maxLength: codes.length }), (ids) => {
        const open: { organizationId: string; appointmentId: number; code: string }[] = []
        for (const appointmentId of ids) {
          const about = { organizationId: 'harbour', appointmentId }
          const code = codeFor(about, open) ?? ''
          open.push({ ...about, code })
          if (codeFor(about, open) !== code) return false
        }
        return new Set(open.map(({ code }) => code)).size === ids.length
      }),
    )
    expect(
      codeFor(
        { organizationId: 'other', appointmentId: 1 },
        codes.map((code, appointmentId) => ({ organizationId: 'harbour', appointmentId, code })),
      ),
    ).toBeNull()
  })

  it('is shown where another appointment is open at the address', () => {
    const one = { organizationId: 'harbour', appointmentId: 1 }
    expect(needsCode(one, [one])).toBe(false)
    expect(needsCode(one, [one, { ...one, appointmentId: 2 }])).toBe(true)
    expect(needsCode(one, [{ ...one, organizationId: 'other' }])).toBe(true)
  })
})
