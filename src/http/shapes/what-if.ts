import { z } from 'zod'
import { messageCost } from '../../schemas/message-price.ts'
import type { WhatIfReport, WhatIfTotals } from '../../services/insight/what-if.ts'
import { byChannelShape, common, showWarnings, warningShape } from './common.ts'

const totals = (how: string) =>
  z
    .object({
      messages: z.int().describe('Reminders'),
      segments: z.int().describe('Segments of the SMS among them'),
      costs: z.array(messageCost).describe('What they cost by the prices of the settings, by currency'),
      byNotificationType: byChannelShape(z.int().describe('Reminders on the channel')).describe('Reminders by channel'),
    })
    .describe(`Reminders of these appointments ${how}`)

export const whatIfShape = z.object({
  organizationId: common.organizationId,
  since: z.date().describe('From which start appointments were looked at'),
  until: z.date().describe('Up to which start appointments were looked at'),
  isComplete: z.boolean().describe('False: there are more appointments up to now'),
  appointments: z.int().describe('How many appointments were looked at'),
  leftOut: z.int().describe('Appointments that are cancelled, or that your directory did not return'),
  before: totals('by the settings as they are'),
  after: totals('by the changed settings'),
  losing: z
    .object({
      fewer: z.int().describe('How many would get fewer'),
      none: z.int().describe('How many would get none in place of some'),
    })
    .describe('People who would get fewer reminders, counted once for each appointment'),
  lost: z
    .array(
      z.object({
        appointmentId: common.appointmentId,
        startsAt: z.date().describe('When the appointment starts'),
        recipientType: common.recipientType,
        recipientId: common.recipientId,
        before: z.int().describe('Reminders by the settings as they are'),
        after: z.int().describe('Reminders by the changed settings'),
        rules: z.array(z.string()).describe('Why reminders would be left out; empty where they are just not wanted'),
      }),
    )
    .describe('The first 100 of them, by start'),
  warnings: z.array(warningShape).describe('What saving the settings would warn of'),
})

const showTotals = ({ byChannel, costs, ...rest }: WhatIfTotals) => ({
  ...rest,
  costs: [...costs],
  byNotificationType: byChannel,
})

export const showWhatIf = ({ before, after, lost, warnings, ...rest }: WhatIfReport): z.input<typeof whatIfShape> => ({
  ...rest,
  before: showTotals(before),
  after: showTotals(after),
  lost: lost.map(({ recipient, rules, ...one }) => ({
    ...one,
    recipientType: recipient.type,
    recipientId: recipient.id,
    rules: [...rules],
  })),
  warnings: showWarnings(warnings),
})
