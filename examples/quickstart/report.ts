/** Prints the events, the timelines and the checks. */
import type { ExplanationLine } from 'appointment-notifications'
import { timeZone } from './clinic.ts'
import type { Mail } from './inbox.ts'

const began = Date.now()
const seconds = (at: Date): string => `${((at.getTime() - began) / 1000).toFixed(1).padStart(6)} s`
const line = (text = ''): void => console.log(text)
const clock = new Intl.DateTimeFormat('en-US', { dateStyle: 'medium', timeStyle: 'short', timeZone })

export function print(what: string, at: Date = new Date()): void {
  line(`${seconds(at)}  ${what}`)
}

export function heading(text: string): void {
  line()
  line(text)
  line('-'.repeat(text.length))
}

/** The mail as the server received it. */
export function printMail(mail: Mail): void {
  print(`mail to ${mail.to}`, mail.at)
  line(`          From:       ${mail.from}`)
  line(`          Subject:    ${mail.subject}`)
  line(`          Message-ID: ${mail.messageId}`)
  for (const text of mail.text.split('\n')) line(`          | ${text}`.trimEnd())
  line()
}

/** The result of `explain()` for one appointment. */
export function printTimeline(title: string, lines: readonly ExplanationLine[]): void {
  line()
  line(title)
  for (const { at, action, category, channel, offset, because, for: about } of lines) {
    const what = [category.toLowerCase(), channel === 'SMS' ? 'SMS' : 'e-mail', offset].filter(Boolean).join(' ')
    const when = about === undefined ? '' : ` (${clock.format(new Date(about))})`
    line(`${seconds(at)}  ${action.padEnd(9)} ${what.padEnd(20)} ${because}${when}`)
  }
}

/** Checks what must be true in the end. */
export class Checks {
  readonly #failed: string[] = []

  check(what: string, holds: boolean): void {
    line(`  ${holds ? 'ok    ' : 'FAILED'}  ${what}`)
    if (!holds) this.#failed.push(what)
  }

  /** The exit code. */
  conclude(): number {
    line()
    const took = ((Date.now() - began) / 1000).toFixed(1)
    if (this.#failed.length === 0) line(`All checks passed, in ${took} seconds.`)
    else console.error(`Failed checks (${this.#failed.length}): ${this.#failed.join('; ')}`)
    return this.#failed.length === 0 ? 0 : 1
  }
}
