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
  /** Null: nobody is known. */
  readonly authenticate: Authenticate | null
  readonly ids: IdKinds
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Who sends a request, or null for nobody.
 * @throws NotificationError `unauthenticated` or `forbidden` where the host refuses; `options_invalid` for what is no caller;
 * `host_timeout`; `internal_error` where the host throws anything else.
 */
export type Identify = (request: HttpRequest) => Promise<Caller | null>

/**
 * Asks the host's `authenticate`. Its faults are logged here: one line a minute of a kind, whichever endpoints are asked,
 * since anybody may send a bad token as often as they like.
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

  function callerOf(told: unknown): Caller | null {
    if (told === null || told === undefined) return null
    const caller = parseInput(callerSchema, told, subject)
    // The number 12 and the text "12" are two ids: nothing would ever be theirs.
    if (caller.kind === 'patient' || caller.kind === 'client') parseInput(self, { id: caller.id }, subject)
    return caller
  }

  return async (request) => {
    try {
      const told = await ask(request, authenticate)
      return asOptions(() => callerOf(told))
    } catch (error) {
      if (isNotificationError(error) && error.status < 500) throw error
      const { cause = error } = error instanceof Error ? error : {}
      logger.error('authenticate failed', {
        code: isNotificationError(error) ? error.code : 'internal_error',
        // Not as `fault`, which would have a line of its own for each: whoever calls chooses how a token is bad.
        // Of an error that the host made, its code at most: the words are not ours.
        thrown: cause !== error && isNotificationError(cause) ? cause.code : faultOf(cause),
        at: framesOf(cause),
      })
      logged.add(Object(error))
      throw error
    }
  }
}

/** A host without endpoints needs no callers: only where somebody asks, it was forgotten. */
function unknown(logger: Logger): Identify {
  let isTold = false
  return async () => {
    if (!isTold) logger.warn('requests are refused: the option "authenticate" is not set, so nobody is known to call')
    isTold = true
    return null
  }
}

const subject = 'caller returned by the option "authenticate"'

/** What the host says by throwing: 401 or 403, as the errors of most frameworks and token libraries have it. */
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

/** True for faults that have their line in the log. */
export const isLogged = (error: unknown): boolean => typeof error === 'object' && error !== null && logged.has(error)
