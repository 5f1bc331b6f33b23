import { z } from 'zod'
import { singleLine } from './common.ts'
import { emailAddress } from './email-address.ts'

/** What an organization's mails show around their text. An empty object uses all defaults. */
export const mailLayoutRules = z.strictObject({
  /** Picture above the text (`https:`), shown 48 pixels high. Default: the name of the organization. */
  logoUrl: z
    .url({ protocol: /^https$/, error: 'must be an address that begins with "https://"' })
    .max(2000)
    .optional()
    .describe('Picture above the text, shown 48 pixels high. Default: the name of the organization'),
  /** Alternative text of the picture. Default: the name of the organization. */
  logoAlt: singleLine(100)
    .optional()
    .describe('What stands in place of a picture that is not loaded. Default: the name of the organization'),
  /**
   * Lines below the text, such as an address; at most 6 of 200 characters. Default: none. The phone number that your
   * directory returns is shown in any case.
   */
  footer: z
    .array(singleLine(200))
    .max(6)
    .optional()
    .describe('Lines below the text, such as an address. Default: none, and the phone number of your directory'),
  /** False: no link to the preferences page. The link stores a row for each mail. Default true. */
  preferencesLink: z
    .boolean()
    .optional()
    .describe('False leaves out the link to the page of preferences, which takes a row for each mail. Default true'),
  /** Reply-To address. Default: as set for the account. */
  replyTo: emailAddress.optional().describe('Where answers go. Default: as the account says'),
})
export type MailLayoutRules = z.infer<typeof mailLayoutRules>
