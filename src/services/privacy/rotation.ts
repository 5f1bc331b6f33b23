import { z } from 'zod'
import type { AccountValues } from '../../channels/channel.ts'
import { type Channel, channels } from '../../channels/index.ts'
import { NotificationError } from '../../errors.ts'
import { accountPlaces, accountsOf, valueAt, withValueAt } from '../../schemas/channel-settings.ts'
import type { SettingsValues } from '../../schemas/settings.ts'
import type { SecretBox, SecretContext } from '../../security/secret-box.ts'
import { channelOfFirst } from '../shared/accounts/account-ids.ts'
import { secretContext } from '../shared/accounts/account-secrets.ts'
import { hostOwner } from '../shared/accounts/host-accounts.ts'
import type { Context } from '../shared/context.ts'
import { hashKeyContext, hashKeyName } from '../shared/hashed-addresses.ts'
import { takeJob } from '../shared/job-lease.ts'

/** How many secrets there are, and with which keys they are encrypted. */
export type KeyReport = {
  /** Number of all secrets. */
  readonly sealed: number
  /** Encrypted with a key that is not the first one; `rotateKeys()` encrypts them again. */
  readonly underOldKeys: number
  /** Encrypted with a key that this process does not have, or damaged. */
  readonly unreadable: number
}

/** Result of `rotateKeys()`. */
export type RotationReport = KeyReport & {
  /** Number of secrets encrypted again, including those of an interrupted run that this one continued. */
  readonly resealed: number
}

const job = 'rotate-keys'
const pageSize = 50

const progressSchema = z.strictObject({
  /** The key that the run seals with: with another one it begins anew. */
  keyId: z.string(),
  phase: z.enum(['settings', 'accounts', 'rest']),
  after: z.union([z.string(), z.int()]).nullable(),
  resealed: z.int().min(0),
})
type Progress = z.infer<typeof progressSchema>

/** A secret as it is stored, and what it is bound to. */
type Visit = (sealed: string, context: SecretContext) => string

/** Walks through all that is sealed, in pages by an index. */
class Sealed {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  settings(values: SettingsValues, organizationId: string, visit: Visit): SettingsValues | null {
    let after = values
    for (const channel of channels) {
      for (const entry of accountsOf(values, channel)) {
        for (const { rules, place } of accountPlaces(channel, entry)) {
          const stored = rules.isSecret === true ? valueAt(values, place) : null
          if (typeof stored !== 'string') continue
          const next = visit(stored, secretContext(organizationId, place))
          if (next !== stored) after = withValueAt(after, place, next)
        }
      }
    }
    return after === values ? null : after
  }

  account(
    values: AccountValues,
    owner: string,
    channel: Channel,
    entry: string | null,
    visit: Visit,
  ): AccountValues | null {
    let after = values
    for (const { name, rules, place } of accountPlaces(channel, entry)) {
      const stored = rules.isSecret === true ? values[name] : null
      if (typeof stored !== 'string') continue
      const next = visit(stored, secretContext(owner, place))
      if (next !== stored) after = { ...after, [name]: next }
    }
    return after === values ? null : after
  }

  async page(
    phase: Progress['phase'],
    after: Progress['after'],
    visit: Visit,
    write: boolean,
  ): Promise<Progress['after']> {
    const { storage } = this.#context.options
    if (phase === 'settings') {
      const rows = await storage.settings.list(typeof after === 'string' ? after : null, pageSize)
      const change = (row: SettingsValues & { readonly organizationId: string }) =>
        this.settings(row, row.organizationId, visit)
      if (write && rows.length > 0)
        await storage.settings.reseal(rows.map(({ organizationId }) => ({ organizationId, change })))
      else for (const row of rows) change(row)
      return rows.at(-1)?.organizationId ?? null
    }
    if (phase === 'accounts') {
      const rows = await storage.keys.previousAccounts(typeof after === 'number' ? after : 0, pageSize)
      const change = ({
        accountId,
        organizationId,
        channel,
        account,
      }: (typeof rows)[number] | Omit<(typeof rows)[number], 'id'>) => {
        const entry = channelOfFirst(accountId) === null ? accountId : null
        return this.account(account, organizationId ?? hostOwner, channel, entry, visit)
      }
      if (write && rows.length > 0) await storage.accounts.reseal(rows.map(({ id }) => ({ id, change })))
      else for (const row of rows) change(row)
      return rows.at(-1)?.id ?? null
    }
    const key = await storage.keys.get(hashKeyName)
    const next = key === null ? null : visit(key, hashKeyContext)
    if (write && key !== null && next !== null && next !== key) await storage.keys.replace(hashKeyName, key, next)
    const seal = (account: AccountValues, channel: Channel) => this.account(account, hostOwner, channel, null, visit)
    if (write) await this.#context.hostAccounts.reseal(seal)
    else await this.#context.hostAccounts.look(seal)
    return null
  }
}

/** Counts what is sealed by which keys; changes nothing. */
export async function keyReport(context: Context): Promise<KeyReport> {
  const { secrets } = context
  const count = { sealed: 0, underOldKeys: 0, unreadable: 0 }
  if (secrets === null) return count
  const visit: Visit = (sealed, where) => {
    count.sealed += 1
    const state = stateOf(secrets, sealed, where)
    if (state !== 'current') count[state] += 1
    return sealed
  }
  const all = new Sealed(context)
  for (const phase of progressSchema.shape.phase.options) {
    for (let after: Progress['after'] = null; ; ) {
      after = await all.page(phase, after, visit, false)
      if (after === null) break
    }
  }
  return count
}

function stateOf(secrets: SecretBox, sealed: string, where: SecretContext): 'current' | 'underOldKeys' | 'unreadable' {
  try {
    if (!secrets.needsRotation(sealed)) return 'current'
    secrets.open(sealed, where)
    return 'underOldKeys'
  } catch (error) {
    if (error instanceof NotificationError) return 'unreadable'
    throw error
  }
}

/** Seals everything with the first key. @throws NotificationError `encryption_key_missing`, `conflict`: another process is at it. */
export async function rotateKeys(context: Context): Promise<RotationReport> {
  const { secrets } = context
  if (secrets === null)
    throw new NotificationError('encryption_key_missing', 'There is no encryption key: set the option "encryptionKey".')
  const lease = await takeJob(context, job)
  if (lease === null)
    throw new NotificationError(
      'conflict',
      'Another process is encrypting the secrets with the new key; call again when it has ended.',
    )
  const { storage } = context.options
  let progress: Progress = { keyId: secrets.keyId, phase: 'settings', after: null, resealed: 0 }
  try {
    const kept = await storage.jobs.progress(job)
    const found = kept === null ? null : progressSchema.safeParse(JSON.parse(kept.progress))
    if (found?.success === true && found.data.keyId === secrets.keyId) progress = found.data
    const all = new Sealed(context)
    for (const phase of progressSchema.shape.phase.options.slice(
      progressSchema.shape.phase.options.indexOf(progress.phase),
    )) {
      for (let after = phase === progress.phase ? progress.after : null; ; ) {
        const anew = new Set<string>()
        const visit: Visit = (sealed, where) => {
          if (stateOf(secrets, sealed, where) !== 'underOldKeys') return sealed
          // By its text, since a command may run again.
          anew.add(sealed)
          return secrets.seal(secrets.open(sealed, where), where)
        }
        if (!(await lease.keep()))
          throw new NotificationError(
            'conflict',
            'Another process took over the rotation of keys, because this one paused for too long; keys() shows how far it is.',
          )
        after = await all.page(phase, after, visit, true)
        progress = { ...progress, phase, after, resealed: progress.resealed + anew.size }
        await lease.keepProgress(JSON.stringify(progress))
        if (after === null) break
      }
    }
    const report = { ...(await keyReport(context)), resealed: progress.resealed }
    await lease.keepProgress(null)
    return report
  } finally {
    await lease.release()
  }
}
