/**
 * Reads what providers report, for a transport whose provider reports in one of these ways: `smtp({ receipts: ses({ topics }) })`, or a
 * transport of your own, `{ ...gateway(), receipt: standardWebhooks({ secrets }) }`.
 */
export { type SesOptions, ses } from './receipts/ses.ts'
export { type SnsMessage, type SnsOptions, sns } from './receipts/sns.ts'
export { type StandardWebhooksOptions, standardWebhooks } from './receipts/standard-webhooks.ts'
