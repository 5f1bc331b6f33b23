import { NotificationError } from '../../../src/errors.ts'

/**
 * Refuses options that are no number of at least so much: NaN is what an unset variable becomes, and with none of something
 * nothing would ever be sent, and nobody would say why.
 * @throws NotificationError `options_invalid` naming the option.
 */
export function requireNumbers<Options extends object>(
  transport: string,
  options: Options,
  least: Readonly<Partial<Record<keyof Options & string, number>>>,
): void {
  for (const [field, minimum = 0] of Object.entries<number | undefined>(least)) {
    const given: unknown = Reflect.get(options, field)
    if (given === undefined || (typeof given === 'number' && given >= minimum)) continue
    throw new NotificationError('options_invalid', `${transport}: "${field}" must be a number of ${minimum} or more.`, {
      field,
    })
  }
}
