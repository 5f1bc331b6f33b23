import type { Block, Fact, MessageDocument } from './document.ts'
import type { MessageFacts } from './facts.ts'
import { appointmentLines, headingOf, organizationOf, type Words, wordsOf } from './words.ts'

/** The built-in text of a mail: greeting, what happened, date, time, with whom and where. Never a reason for the visit. */
export function letterOf(facts: MessageFacts): MessageDocument {
  const words = wordsOf(facts)
  const { notice, values, day, place, say } = words
  const heading = headingOf(words)
  const lead = heading === '' ? notice.lead(values) : heading
  const when = day('full')
  const details =
    heading !== ''
      ? appointmentLines(facts, { withPlaces: true }).map(unlabelled)
      : [
          ...(when === '' ? [] : [factOf(words, 'day', when), factOf(words, 'time')]),
          ...(values.practitioner === '' ? [] : [factOf(words, 'practitioner')]),
          ...(place === '' ? [] : [values.location === '' ? unlabelled(place) : factOf(words, 'location')]),
        ]
  return {
    preheader: lead,
    blocks: [
      ...paragraph(say('greeting')),
      ...paragraph(lead),
      ...(details.length === 0 ? [] : [{ kind: 'facts', facts: details } as const]),
      ...paragraph(notice.closing(values)),
      ...paragraph(organizationOf(facts)),
    ],
  }
}

const paragraph = (text: string): Block[] => (text === '' ? [] : [{ kind: 'paragraph', words: [{ text }] }])

const lines = {
  day: 'date_line',
  time: 'time_line',
  practitioner: 'practitioner_line',
  location: 'location_line',
} as const

/** The label is what stands before the value in the line that plain text has: `Date` of `Date: {day}`. */
function factOf({ values, say }: Words, name: keyof typeof lines, value = String(values[name] ?? '')): Fact {
  return {
    value,
    line: say(lines[name], { [name]: value }),
    // Only a layout asks.
    get label() {
      return say(lines[name], { [name]: '' }).replace(/(?<![\s:：])[\s:：]+$/u, '')
    },
  }
}

const unlabelled = (line: string): Fact => ({ label: null, value: line, line })
