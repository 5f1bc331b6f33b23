/**
 * Sends SMS with Amazon SNS and the AWS SDK (`npm install @aws-sdk/client-sns`), which is loaded at the first send. AWS recommends
 * its successor to new users: `awsSms()` of `appointment-notifications/aws-sms`, which also reports what arrived.
 * @example
 * createNotifications({ transports: [smtp(), awsSns()], ... })
 */
import type { MessageAttributeValue, PublishCommandInput, SNSClient } from '@aws-sdk/client-sns'
import { TransportError } from '../../src/errors.ts'
import type { OutboundMessage, Transport } from '../../src/index.ts'
import { accountOf, findingsOf, isNumber, unusable } from './aws/account.ts'
import { type AwsOptions, awsCalls } from './aws/client.ts'
import { answerUnreadable } from './aws/failures.ts'

/** Options of `awsSns()`. */
export type AwsSnsOptions = AwsOptions & {
  /**
   * False: SNS is not asked before each text whether the number opted out. It accepts texts to such numbers and drops them, so they
   * would be recorded as `SENT`. Default true, which needs the permission `sns:CheckIfPhoneNumberIsOptedOut`.
   */
  readonly checkOptOuts?: boolean
}

type Sdk = Pick<
  typeof import('@aws-sdk/client-sns'),
  'SNSClient' | 'PublishCommand' | 'CheckIfPhoneNumberIsOptedOutCommand'
>

/**
 * The `aws_sns` transport, for SMS. An account's key is an access key id, its secret the secret access key, and it has a
 * region; the host application's own account may leave these to the SDK's default chain. SNS has no idempotency keys,
 * reports or deadlines: a request without a response has an unknown outcome, and the transport never repeats it.
 * @throws NotificationError `options_invalid`: `endpoint` is not an http or https URL, or a number is out of range.
 */
export function awsSns(options: AwsSnsOptions = {}): Transport {
  const { concurrency = 20, checkOptOuts = true } = options
  const { call, close } = awsCalls<Sdk, SNSClient>(
    {
      transport: 'aws_sns',
      package: '@aws-sdk/client-sns',
      load: () => import('@aws-sdk/client-sns'),
      client: ({ SNSClient }, config) => new SNSClient(config),
    },
    options,
  )

  return {
    name: 'aws_sns',
    channels: ['SMS'],
    needsAccount: true,
    ambientCredentials: true,
    concurrency,

    async send(message, context) {
      const account = accountOf(context)
      const input = publishOf(message, context.now())
      const { to } = message
      if (checkOptOuts) {
        const { isOptedOut } = await call(context, account, null, ({ sdk, client, options }) =>
          client.send(new sdk.CheckIfPhoneNumberIsOptedOutCommand({ phoneNumber: to }), options),
        )
        if (isOptedOut === true) {
          throw new TransportError('The recipient opted out.', { outcome: 'suppressed', code: 'aws_opted_out' })
        }
      }
      const { MessageId } = await call(context, account, to, ({ sdk, client, options }) =>
        client.send(new sdk.PublishCommand(input), options),
      )
      if (!MessageId) throw answerUnreadable(true)
      return { messageId: MessageId }
    },

    inspect: async (account) => findingsOf(account),

    async verify(context) {
      await call(context, accountOf(context), null, ({ sdk, client, options }) =>
        client.send(new sdk.CheckIfPhoneNumberIsOptedOutCommand({ phoneNumber: nobody }), options),
      )
    },

    close,
  }
}

/** A number for fiction, of which nobody sends a STOP. */
const nobody = '+12065550100'

/** @throws TransportError for a message that SNS would refuse, or whose deadline has passed. */
function publishOf({ to, text, from, deadline }: OutboundMessage, now: Date): PublishCommandInput {
  if (deadline !== null && deadline <= now) {
    throw new TransportError('The deadline of the message has passed.', { outcome: 'permanent', code: 'aws_too_late' })
  }
  return {
    PhoneNumber: to,
    Message: text,
    MessageAttributes: { 'AWS.SNS.SMS.SMSType': attribute('Transactional'), ...senderOf(from) },
  }
}

const attribute = (value: string): MessageAttributeValue => ({ DataType: 'String', StringValue: value })

/** Null: SNS takes the default sender of the account. */
function senderOf(from: string | null): Record<string, MessageAttributeValue> {
  if (from === null) return {}
  if (isNumber(from)) return { 'AWS.MM.SMS.OriginationNumber': attribute(from) }
  if (/^[A-Za-z0-9-]{1,11}$/.test(from)) return { 'AWS.SNS.SMS.SenderID': attribute(from) }
  throw unusable('The sender is neither a number nor a sender id of letters and digits without blanks.', 'aws_sender')
}
