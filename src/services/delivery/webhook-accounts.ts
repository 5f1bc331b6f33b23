import { type Channel, channels } from '../../channels/index.ts'
import type { Transport } from '../../ports/transport.ts'
import type { WebhookAccount } from '../../ports/webhook.ts'
import { type Provider, sourceOf } from '../shared/accounts/providers.ts'
import type { Context } from '../shared/context.ts'

export type FoundAccount = WebhookAccount & { readonly transport: Transport }

/** The accounts by the ids in the paths of their webhooks. */
export class WebhookAccounts {
  readonly #context: Pick<Context, 'options' | 'providers'>

  constructor(context: Pick<Context, 'options' | 'providers'>) {
    this.#context = context
  }

  /** Null: there is none, or it is of another transport. */
  async find(transportName: string, id: string): Promise<FoundAccount | null> {
    const place = readId(id)
    if (place === null) return null
    const { organizationId, channel } = place
    const { options, providers } = this.#context
    const [settings = null] = organizationId === null ? [] : await options.storage.settings.get([organizationId])
    if (organizationId !== null && settings === null) return null
    const provider = providers.first(settings, channel)
    if (typeof provider === 'string') return null
    const isOwn = sourceOf(provider) === 'organization'
    if (isOwn !== (organizationId !== null) || provider.transport.name !== transportName) return null
    const { transport, account } = provider
    return { transport, organizationId, channel, accounts: account === null ? [] : [account] }
  }

  /** Where the provider reports on messages that it sends for the organization; null: nowhere. */
  url(provider: Provider, organizationId: string, channel: Channel): string | null {
    const { publicUrl } = this.#context.options
    if (publicUrl === null || provider.transport.receipt === undefined) return null
    const owner = sourceOf(provider) === 'organization' ? organizationId : null
    return `${publicUrl}/webhooks/${encodeURIComponent(provider.transport.name)}/${idOf(owner, channel)}`
  }
}

/** `sms` is the host application's own account, `sms.7f3d` that of an organization. */
const idOf = (organizationId: string | null, channel: Channel): string =>
  organizationId === null ? channel.toLowerCase() : `${channel.toLowerCase()}.${encodeURIComponent(organizationId)}`

function readId(id: string): { readonly organizationId: string | null; readonly channel: Channel } | null {
  const dot = id.indexOf('.')
  const name = dot === -1 ? id : id.slice(0, dot)
  const channel = channels.find((one) => one.toLowerCase() === name)
  if (channel === undefined) return null
  return { channel, organizationId: dot === -1 ? null : id.slice(dot + 1) }
}
