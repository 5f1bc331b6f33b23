import type { Context } from '../shared/context.ts'
import { type UnreachedFilter, type UnreachedPage, unreached } from './attention.ts'
import { type WhatIf, type WhatIfReport, whatIf } from './what-if.ts'

/** Reports for staff: whom to call because no message reached them, and what other settings would change. Writes nothing. */
export class Insight {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /**
   * Patients and clients whom no message about an upcoming appointment has reached, although one was tried or none can be
   * sent, and those whose reply may be a refusal (`in_doubt`). One row for each person and appointment, by start. People are
   * left out if a message arrived, or was accepted by a provider that does not report deliveries.
   *
   * Looks at up to 500 appointments: a page can have fewer rows than `limit`, or none, and not be the last. Continue while
   * `nextCursor` is not null.
   * @throws NotificationError `invalid_input`, `directory_failed`, `directory_invalid`, or one of the `storage_*` errors.
   */
  async unreached(filter: UnreachedFilter): Promise<UnreachedPage> {
    return unreached(this.#context, filter)
  }

  /**
   * Plans an organization's appointments of the last 30 days (`since`) twice, with its present settings and with the changed
   * ones, and compares the reminders: messages, SMS segments, cost by the organization's prices, and who would have got
   * fewer. Notices are not part of it.
   *
   * Appointments, people, opt-outs and answers count as they are now, and each appointment as planned when it was booked.
   * Saves nothing. Looks at up to `limit` appointments, earliest first, for at most 10 s; `isComplete` false: there are
   * more.
   * @throws NotificationError as `updateOrganizationSettings`; `organization_not_found`, `directory_failed` or
   * `directory_invalid`.
   */
  async whatIf(question: WhatIf): Promise<WhatIfReport> {
    return whatIf(this.#context, question)
  }
}
