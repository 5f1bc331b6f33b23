import { z } from 'zod'
import { singleLine } from './common.ts'
import { emailAddress } from './email-address.ts'

/** What an organization's mails have around their text. */
export const mailLayoutRules = z.strictObject({
  logoUrl: z
    .url({ protocol: /^https$/, error: 'must be an address that begins with "https://"' })
    .max(2000)
    .optional()
    .describe('Picture above the text, shown 48 pixels high. Default: the name of the organization'),
  logoAlt: singleLine(100)
    .optional()
    .describe('What stands in place of a picture that is not loaded. Default: the name of the organization'),
  footer: z
    .array(singleLine(200))
    .max(6)
    .optional()
    .describe('Lines below the text, such as an address. Default: none, and the phone number of your directory'),
  preferencesLink: z
    .boolean()
    .optional()
    .describe('False leaves out the link to the page of preferences, which takes a row for each mail. Default true'),
  replyTo: emailAddress.optional().describe('Where answers go. Default: as the account says'),
})
export type MailLayoutRules = z.infer<typeof mailLayoutRules>
