import { z } from 'zod'
import { isNotificationError, NotificationError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import type { IdKinds } from '../ports/storage.ts'
import { asOptions } from '../schemas/as-options.ts'
import { parseInput } from '../schemas/common.ts'
import { faultOf, framesOf } from '../services/shared/fault-log.ts'
import { type Authenticate, type Caller, callerSchema } from './access.ts'
import { hostAnswer } from './host-answer.ts'
import { hostIds } from './host-ids.ts'
import type { HttpRequest } from './messages.ts'

type Parts = {
  /** Null: no caller is known. */
  readonly authenticate: Authenticate | null
  readonly ids: IdKinds
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Who sends a request; null if unknown.
 * @throws NotificationError `unauthenticated` or `forbidden` if the host refuses; `options_invalid` if it returns an invalid caller;
 * `host_timeout`; `internal_error` if it throws anything else.
 */
export type Identify = (request: HttpRequest) => Promise<Caller | null>

/**
 * Calls the host's `authenticate`. Its faults are logged here, one line of a kind per minute whatever the endpoint,
 * since anyone can send bad tokens as often as they like.
 */
export function createIdentify({ authenticate, ids, clock, logger }: Parts): Identify {
  if (authenticate === null) return unknown(logger)
  if (authenticate.warning !== undefined) logger.warn(authenticate.warning)
  const self = z.object({ id: hostIds(ids).recipient })

  async function ask(request: HttpRequest, host: Authenticate): Promise<unknown> {
    const { readBody: _body, ...seen } = request
    return hostAnswer(clock, 'authenticate', async () => {
      try {
        return await host(seen)
      } catch (error) {
        throw (
          refusalOf(error) ??
          new NotificationError('internal_error', 'The option "authenticate" threw an error.', { cause: error })
        )
      }
    })
  }

  function callerOf(given: unknown): Caller | null {
    if (given === null || given === undefined) return null
    const caller = parseInput(callerSchema, given, subject)
    // The number 12 and the text "12" are different ids: a caller with the wrong kind would never find anything of theirs.
    if (caller.kind === 'patient' || caller.kind === 'client') parseInput(self, { id: caller.id }, subject)
    return caller
  }

  return async (request) => {
    try {
      const given = await ask(request, authenticate)
      return asOptions(() => callerOf(given))
    } catch (error) {
      if (isNotificationError(error) && error.status < 500) throw error
      const { cause = error } = error instanceof Error ? error : {}
      logger.error('authenticate failed', {
        code: isNotificationError(error) ? error.code : 'internal_error',
        // Not as `fault`, which would log a line for each kind of bad token, and callers choose those.
        // At most the code of an error that the host made: its message is not ours and may hold personal data.
        thrown: cause !== error && isNotificationError(cause) ? cause.code : faultOf(cause),
        at: framesOf(cause),
      })
      logged.add(Object(error))
      throw error
    }
  }
}

/** A host that mounts no router needs no `authenticate`: only when a request arrives, it was forgotten. */
function unknown(logger: Logger): Identify {
  let isWarned = false
  return async () => {
    if (!isWarned) logger.warn('requests are refused: the option "authenticate" is not set, so no caller is known')
    isWarned = true
    return null
  }
}

const subject = 'caller returned by the option "authenticate"'

/** The host refuses a caller by throwing: 401 or 403, as in the errors of most frameworks and token libraries. */
function refusalOf(error: unknown): NotificationError | null {
  const status = statusOf(error)
  if (status === 401) {
    return new NotificationError('unauthenticated', 'The credentials of the request were not accepted.')
  }
  return status === 403 ? new NotificationError('forbidden', 'The host application refused this caller.') : null
}

function statusOf(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return null
  if ('status' in error && typeof error.status === 'number') return error.status
  return 'statusCode' in error ? error.statusCode : null
}

const logged = new WeakSet<object>()

/** True for faults that are already logged. */
export const isLogged = (error: unknown): boolean => typeof error === 'object' && error !== null && logged.has(error)
