import { domainToASCII } from 'node:url'
import { z } from 'zod'
import type { ReadContact } from './phone-number.ts'

/** RFC 5321: of the part before the @, and of a whole address, in octets. */
const longestLocal = 64
const longestAddress = 254
const longestDomain = 253

/** Marks that cannot be seen; in a domain two of them make other words in some scripts. */
const invisible = /[\u00AD\u200B\u200E\u200F\u202A-\u202E\u2060-\u206F\uFEFF]/g
const joiners = /[\u200C\u200D]/g

/** RFC 5322: a dot-atom. Without quotes, comments, brackets or blanks there is no second address in it, and no header. */
const local = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
/** Checked before it is made ASCII: `domainToASCII` also decodes %-escapes, and takes numbers for addresses. */
const domainText = /^(?:[\p{L}\p{M}\p{N}.\u3002\uFF0E\uFF61-]|\p{Join_Control})+$/u
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i
const topLabel = /^(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})$/i

/**
 * Reads an e-mail address as people write it: what cannot be seen is left out, and an internationalized domain becomes its ASCII
 * form, which every mail server takes. The part before the @ is kept as it is written.
 */
export function readEmail(text: string): ReadContact {
  if (text.length > 1000) return refused(`is longer than ${longestAddress} characters`)
  const typed = text
    .replace(invisible, '')
    .trim()
    .replace(/^mailto:/i, '')
  const at = typed.lastIndexOf('@')
  if (at < 1) return refused('has no @ between a name and a domain')
  const name = typed.slice(0, at).replace(joiners, '')
  if (!local.test(name)) return refused(localFault(name))
  if (name.length > longestLocal) return refused(`has more than ${longestLocal} characters before the @`)
  const domain = readDomain(typed.slice(at + 1))
  if (domain === null) return refused('has no usable domain after the @')
  const address = `${name}@${domain}`
  return address.length > longestAddress
    ? refused(`is longer than ${longestAddress} characters`)
    : { address, warnings: [] }
}

/** A domain in ASCII, as written where it was ASCII already; null: it is none. */
function readDomain(text: string): string | null {
  const written = text.replace(/\.$/, '')
  if (!domainText.test(written)) return null
  const ascii = /^[\x21-\x7e]+$/.test(written) ? written : domainToASCII(written)
  const labels = ascii.split('.')
  const isDomain = labels.length > 1 && ascii.length <= longestDomain && labels.every((one) => label.test(one))
  return isDomain && topLabel.test(labels.at(-1) ?? '') ? ascii : null
}

function localFault(name: string): string {
  if (/[\s\p{Cc},;<>()[\]:\\"@]/u.test(name)) return 'is not one plain address'
  if (/[^\x21-\x7e]/.test(name)) return 'has characters before the @ that few mail servers take'
  return 'has a dot too many before the @'
}

const refused = (fault: string): ReadContact => ({ address: null, fault })

/** What passes is one line of plain characters, in the form in which it is sent to. */
export const emailAddress = z
  .string()
  .overwrite((text) => readEmail(text).address ?? text)
  .refine((text) => readEmail(text).address !== null, {
    error: ({ input }) => {
      const read = readEmail(String(input))
      const why = read.address === null ? read.fault : ''
      return `must be an e-mail address such as "name@example.org": it ${why}`
    },
  })
  .meta({ examples: ['name@example.org'], format: 'email' })
