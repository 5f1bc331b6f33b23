/**
 * Sends SMS with AWS End User Messaging and the AWS SDK (`npm install @aws-sdk/client-pinpoint-sms-voice-v2`), which is loaded at the
 * first send.
 * @example
 * createNotifications({ transports: [smtp(), awsSms({ receipts: { topics: ['arn:aws:sns:eu-west-1:123456789012:texts'] } })], ... })
 */
import type { PinpointSMSVoiceV2Client, SendTextMessageCommandInput } from '@aws-sdk/client-pinpoint-sms-voice-v2'
import { TransportError } from '../../src/errors.ts'
import type { OutboundMessage, SendContext, Transport } from '../../src/index.ts'
import { accountOf, findingsOf } from './aws/account.ts'
import { type AwsOptions, awsCalls } from './aws/client.ts'
import { answerUnreadable } from './aws/failures.ts'
import { notificationKey, textEvents } from './receipts/aws-sms.ts'
import type { SnsOptions } from './receipts/sns.ts'

/** Options of `awsSms()`. */
export type AwsSmsOptions = AwsOptions & {
  /**
   * Sender of the host application's own account (`DEFAULT_SMS_*`) if it has no `DEFAULT_SMS_FROM_NUMBER`: id or ARN of a
   * pool, a number or a sender id. Default: End User Messaging chooses. Organizations with their own accounts send from
   * their own numbers.
   */
  readonly originationIdentity?: string
  /**
   * The SNS topics that are event destinations of the accounts' configuration sets; subscribe the account's webhook to them
   * by HTTPS. Default: no reports.
   */
  readonly receipts?: SnsOptions
  /**
   * True: End User Messaging itself replies to texts that begin with STOP, HELP or other words of opting out, and the
   * library does not. False: the numbers have self-managed opt-outs, and the library replies. Default true.
   */
  readonly answersKeywords?: boolean
}

type Sdk = Pick<
  typeof import('@aws-sdk/client-pinpoint-sms-voice-v2'),
  'PinpointSMSVoiceV2Client' | 'SendTextMessageCommand' | 'DescribeAccountAttributesCommand'
>

/**
 * The `aws_sms` transport. An account's key is an access key id, its secret the secret access key, and it names its region; the host
 * application's own may leave all of it to the SDK's default chain. End User Messaging has no idempotency keys: a request without a
 * response has an unknown outcome, and the transport never repeats it. It drops a text at the message's deadline (`TimeToLive`).
 * @throws NotificationError `options_invalid` if `endpoint` is not an http or https URL, or for a number with which nothing could be
 * sent.
 */
export function awsSms(options: AwsSmsOptions = {}): Transport {
  const { concurrency = 20, originationIdentity, receipts, answersKeywords = true } = options
  const { call, close } = awsCalls<Sdk, PinpointSMSVoiceV2Client>(
    {
      transport: 'aws_sms',
      package: '@aws-sdk/client-pinpoint-sms-voice-v2',
      load: () => import('@aws-sdk/client-pinpoint-sms-voice-v2'),
      client: ({ PinpointSMSVoiceV2Client }, config) => new PinpointSMSVoiceV2Client(config),
    },
    options,
  )

  return {
    name: 'aws_sms',
    channels: ['SMS'],
    needsAccount: true,
    ambientCredentials: true,
    concurrency,
    ...(receipts === undefined ? {} : { receipt: textEvents(receipts, answersKeywords) }),

    async send(message, context) {
      const account = accountOf(context)
      const from = message.from ?? (context.trusted ? originationIdentity : undefined)
      const input: SendTextMessageCommandInput = {
        ...textOf(message, context),
        ...(from !== undefined && { OriginationIdentity: from }),
        ...(account.configurationSet !== null && { ConfigurationSetName: account.configurationSet }),
      }
      const { MessageId } = await call(context, account, message.to, ({ sdk, client, options }) =>
        client.send(new sdk.SendTextMessageCommand(input), options),
      )
      if (!MessageId) throw answerUnreadable(true)
      return { messageId: MessageId }
    },

    inspect: async (account) => findingsOf(account),

    async verify(context) {
      await call(context, accountOf(context), null, ({ sdk, client, options }) =>
        client.send(new sdk.DescribeAccountAttributesCommand({}), options),
      )
    },

    close,
  }
}

/** In seconds. What has less to live is of no use by the time that it arrives. */
const [leastTimeToLive, longestTimeToLive] = [5, 259_200]

/** @throws TransportError if the deadline of the message has passed. */
function textOf(
  { to, text, notificationId, idempotencyKey, deadline }: OutboundMessage,
  { now }: SendContext,
): SendTextMessageCommandInput {
  return {
    DestinationPhoneNumber: to,
    MessageBody: text,
    MessageType: 'TRANSACTIONAL',
    ...(deadline !== null && { TimeToLive: timeToLiveOf(deadline, now()) }),
    // Comes back in the events.
    Context: { [notificationKey]: String(notificationId), key: idempotencyKey },
  }
}

/** Whole seconds, so that it ends before the deadline. */
function timeToLiveOf(deadline: Date, now: Date): number {
  const seconds = Math.floor((deadline.getTime() - now.getTime()) / 1000)
  if (seconds >= leastTimeToLive) return Math.min(seconds, longestTimeToLive)
  throw new TransportError('The deadline of the message has passed, or is less than 5 seconds away.', {
    outcome: 'permanent',
    code: 'aws_too_late',
  })
}
