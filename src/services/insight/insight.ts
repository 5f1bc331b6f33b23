import type { Context } from '../shared/context.ts'
import { type UnreachedFilter, type UnreachedPage, unreached } from './attention.ts'
import { type WhatIf, type WhatIfReport, whatIf } from './what-if.ts'

/** Whom to call, and what other settings would change. Only reads. */
export class Insight {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /**
   * Patients and clients of an organization with an appointment ahead whom no message about it, as it starts now, reached, although one was
   * tried or none can be, and those whose message may be a refusal (`in_doubt`): one row for each person and appointment, by start. Who has a message that arrived, or that a provider accepted
   * which reports nothing, is left out. Looks at up to 500 appointments: a page may have fewer rows than `limit`, or none, and not
   * be the last.
   * @throws NotificationError `invalid_input`, `directory_failed`, `directory_invalid`, or one of the `storage_*` errors.
   */
  async unreached(filter: UnreachedFilter): Promise<UnreachedPage> {
    return unreached(this.#context, filter)
  }

  /**
   * What other settings would have sent: the reminders of an organization's appointments of the last 30 days, planned by its settings as they
   * are and as they would be after `updateOrganizationSettings(organizationId, settings)`. How many messages, SMS segments and what they
   * cost by the organization's prices, and who would have lost one. Notices, which the day brings, are not among them.
   *
   * Appointments, people, opt-outs and answers count as they are now, and each appointment as planned when it was booked. Saves nothing. Looks at up
   * to `limit` appointments, the earliest first, for 10 s at most; with `isComplete` false there are more.
   * @throws NotificationError as `updateOrganizationSettings`; `organization_not_found`, `directory_failed` or `directory_invalid`.
   */
  async whatIf(question: WhatIf): Promise<WhatIfReport> {
    return whatIf(this.#context, question)
  }
}
