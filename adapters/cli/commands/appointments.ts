import type { RecipientRef } from '../../../src/index.ts'
import { ruleTable } from '../../../src/schemas/rules.ts'
import { byId, type Commands, countsOf, only } from './command.ts'

const who = (recipient: RecipientRef | undefined) => recipient && `${recipient.type} ${recipient.id}`
const columns = (...parts: (string | undefined)[]) => parts.filter((part) => part !== undefined).join('  ')

/** What becomes of appointments. */
export const appointmentCommands: Commands = {
  plan: {
    summary: 'Shows which messages an appointment gets, and which it does not, and why; writes nothing',
    takes: '<appointment>',
    example: 'plan 42',
    async run({ positionals, open }) {
      const text = only(positionals, 'appointment')
      const library = await open()
      const data = await byId(text, (id) => library.notifications.plan(id))
      const reminders = data.reminders.map(({ reminderTime, channel, recipient, offset }) =>
        columns(reminderTime.toISOString(), channel, who(recipient), offset),
      )
      const omitted = data.omitted.map(({ channel, recipient, offset, rule }) =>
        columns('left out', channel, who(recipient), offset, ruleTable[rule]),
      )
      return { text: [...reminders, ...omitted].join('\n'), data }
    },
  },
  explain: {
    summary: 'Shows every decision about the messages of an appointment, and its reason, in the order of time',
    takes: '<appointment>',
    example: 'explain 42',
    async run({ positionals, open }) {
      const text = only(positionals, 'appointment')
      const library = await open()
      const data = await byId(text, (id) => library.notifications.explain(id))
      const lines = data.map(({ at, action, channel, recipient, category, offset, because }) => {
        const message = `${category.toLowerCase()}${offset === undefined ? '' : ` ${offset}`}`
        return columns(at.toISOString(), action, channel, who(recipient), message, because)
      })
      return { text: lines.length === 0 ? 'Nothing was decided about it.' : lines.join('\n'), data }
    },
  },
  reconcile: {
    summary: 'Compares the plans with your directory, and repairs what differs',
    options: { 'dry-run': { type: 'boolean', default: false }, force: { type: 'boolean', default: false } },
    explained: {
      'dry-run': 'report what would be repaired, and change nothing',
      force: 'also cancel suspiciously many appointments that are missing',
    },
    example: 'reconcile --dry-run',
    async run({ values, open, report }) {
      const data = await (await open()).reconcile({
        force: values['force'] === true,
        dryRun: values['dry-run'] === true,
        onProgress: (checked) => report(`${checked} appointments checked`),
      })
      const text = `${data.status}: ${countsOf(data)}`
      return { text, data, isFailure: data.status !== 'done' }
    },
  },
}
