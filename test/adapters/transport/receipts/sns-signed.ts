import { createSign } from 'node:crypto'
import { privateKey } from './sns-certificate.ts'

/** Where the certificate of `sns-certificate.ts` is said to be. */
export const place = 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem'

export type Fields = Readonly<Record<string, string>>
const ofSubscriptions = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type']
const signedFields: Readonly<Record<string, readonly string[]>> = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ofSubscriptions,
  UnsubscribeConfirmation: ofSubscriptions,
}

/** As SNS signs it: by hand, from the documentation of the string to sign. */
export function signed(fields: Fields, version: '1' | '2' = '1'): Fields {
  const names = signedFields[fields['Type'] ?? ''] ?? []
  const text = names.filter((name) => name in fields).map((name) => `${name}\n${fields[name]}\n`)
  const sign = createSign(version === '1' ? 'RSA-SHA1' : 'RSA-SHA256').update(text.join(''))
  return { ...fields, SignatureVersion: version, SigningCertURL: place, Signature: sign.sign(privateKey, 'base64') }
}
