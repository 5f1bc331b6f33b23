import { type Channel, channels } from '../../channels/index.ts'
import { NotificationError } from '../../errors.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import { type Actor, actorSchema, serviceActor } from '../../schemas/audit.ts'
import { byChannel } from '../../schemas/channel-fields.ts'
import { channelSettings, channelsInUse, patched } from '../../schemas/channel-settings.ts'
import {
  type Contact,
  contactSchema,
  organizationId,
  parseField,
  parseInput,
  type Warning,
} from '../../schemas/common.ts'
import type { HostPreferenceRef, Preferences, PreferencesInput } from '../../schemas/preferences.ts'
import {
  emptySettings,
  type OrganizationSettings,
  type OrganizationSettingsChange,
  type OrganizationSettingsInput,
  organizationSettingsChange,
  type SettingsValues,
  type TemplatesInput,
  templatesInput,
} from '../../schemas/settings.ts'
import type { Context } from '../shared/context.ts'
import { organizationNotFound } from '../shared/not-found.ts'
import type { Scope } from '../shared/owners.ts'
import { policyOf, showSettings } from '../shared/settings-view.ts'
import {
  type AccountCheck,
  accountNamed,
  accountsInUse,
  checkAccount,
  type VerifyOptions,
  verifyOptions,
} from './account-checks.ts'
import { accountWarnings } from './account-findings.ts'
import { withAccountLists } from './account-list.ts'
import { requireOwnSending } from './asked-answers.ts'
import { type EffectivePreferences, type EffectiveSettings, effectiveChannel } from './effective.ts'
import { replacedAccounts, requireNewSecrets } from './kept-secrets.ts'
import { RecipientPreferences, type WithWarnings } from './recipient-preferences.ts'
import { changeSettings, mergedTemplates, readSettingsPatch, settingsRow, standingWarnings } from './settings-patch.ts'
import { checkTexts } from './template-checks.ts'
import { type PublishedTemplates, publishedTemplates, requireVersion } from './template-versions.ts'
import {
  type TestContent,
  type TestMessageOptions,
  type TestMessageResult,
  testAccount,
  testMessageOptions,
} from './test-message.ts'
import { withSenders } from './written-numbers.ts'

/**
 * Settings of organizations, and preferences of patients and clients.
 *
 * Besides the errors listed, every method may reject with NotificationError `invalid_input` for an invalid argument (`field`
 * names it), `directory_failed` or `directory_invalid` where it asks the directory, and `storage_busy`, `storage_failed`,
 * `storage_closed` or `migration_missing`.
 */
export class SettingsService {
  readonly #context: Context
  readonly #actor: Actor
  readonly #scope: Scope
  readonly #preferences: RecipientPreferences

  constructor(context: Context, actor: Actor = serviceActor, scope: Scope = null) {
    this.#context = context
    this.#actor = actor
    this.#scope = scope
    this.#preferences = new RecipientPreferences(context, actor, scope)
  }

  /** The same service, acting for `actor` in the audit log: `as({ kind: 'staff', id: 7 })`. Checks no permissions. */
  as(actor: Actor): SettingsService {
    return new SettingsService(this.#context, parseInput(actorSchema, actor, 'actor'), this.#scope)
  }

  /**
   * The same service, restricted to one organization: patients and clients of other organizations are not found, and neither
   * are preferences from when an id belonged to another organization. Null: no restriction. Methods that take an
   * organization id are not restricted.
   */
  within(id: string | null): SettingsService {
    return new SettingsService(this.#context, this.#actor, parseField(organizationId.nullable(), id, 'organizationId'))
  }

  /**
   * Creates an organization's settings. A field that is left out or null gets its default. Secrets are stored encrypted and
   * returned as a mask. Resolves with the settings, and with warnings about what may be a mistake.
   * @throws NotificationError `organization_not_found`; `already_exists`; `template_invalid`; `unknown_provider`: no
   * transport named `smsProvider` is installed; `encryption_key_missing`: a secret is given, and there is no key.
   * @example
   * ```ts
   * const { warnings } = await settings.createOrganizationSettings('org-1', {
   *   emailFromAddress: 'reminders@clinic.example',
   *   defaultEmailReminders: [24, '2h'],
   *   smsEnabled: false,
   * })
   * ```
   */
  async createOrganizationSettings(
    id: string,
    input: OrganizationSettingsInput,
  ): Promise<WithWarnings<OrganizationSettings>> {
    const read = readSettingsPatch(this.#context, id, input)
    const listed = withAccountLists(this.#context, id, read.patch, null)
    const { values: patch, warnings } = await withSenders(listed, null)
    await this.#requireOrganization(id)
    const { storage, clock } = this.#context.options
    const { accountKey } = listed
    const unversioned = { templateVersion: null, templateVersions: null }
    const values = { ...patched(emptySettings, patch), accountKey, ...unversioned }
    const at = clock.now()
    const wanted = { ...values, id: 0, organizationId: id, revision: 0, createdAt: at, updatedAt: at }
    const accountFindings = await accountWarnings(this.#context, wanted, patch)
    requireOwnSending(this.#context, patch)
    const ofTexts = await checkTexts(this.#context, wanted, patch)
    const row = await storage.settings.create(
      id,
      values,
      { organizationId: id, recipient: null },
      clock.now(),
      this.#actor,
    )
    if (row === null) {
      throw new NotificationError(
        'already_exists',
        `Organization ${id} already has notification settings; update them instead.`,
        { field: 'organizationId' },
      )
    }
    this.#context.replanQueued()
    this.#context.review.changed()
    return {
      ...showSettings(row),
      warnings: [...ofTexts, ...warnings, ...accountFindings, ...standingWarnings(this.#context, row)],
    }
  }

  /** An organization's settings, secrets masked. @throws NotificationError `settings_not_found`. */
  async getOrganizationSettings(id: string): Promise<OrganizationSettings> {
    return showSettings(await settingsRow(this.#context, parseField(organizationId, id, 'organizationId')))
  }

  /**
   * Changes some fields: a field left out keeps its value, null resets it to its default, and the mask of a secret keeps the
   * secret. Changing the SMTP host, port or user name requires the password again; changing the SMS provider or key requires
   * its secrets. A list of accounts replaces the stored list: an entry with an `id` keeps that account, one without is a new
   * account.
   *
   * Provider reports signed with a secret that is replaced or removed here are accepted as long as reports on messages of
   * the channel may arrive (SMS: 72 h). `revokePrevious` ends that at once, for all previous secrets of the organization.
   * @throws NotificationError `settings_not_found`, `template_invalid`, `unknown_provider`, `encryption_key_missing`;
   * `conflict`: other changes to the settings kept coming in between.
   */
  async updateOrganizationSettings(
    id: string,
    input: OrganizationSettingsChange,
  ): Promise<WithWarnings<OrganizationSettings>> {
    const { revokePrevious = false, ...written } = parseInput(
      organizationSettingsChange,
      input,
      'organization settings',
    )
    const change = readSettingsPatch(this.#context, id, written)
    let warnings: readonly Warning[] = []
    let switchedOff: readonly Channel[] = []
    const row = await changeSettings(this.#context, this.#actor, id, async (before) => {
      const listed = withAccountLists(this.#context, id, change.patch, before)
      const { values: patch, warnings: ofSender } = await withSenders(listed, before)
      const isOff = (row: SettingsValues, one: Channel) => !channelSettings(row, one).enabled
      const after = patched(before, patch)
      requireNewSecrets(this.#context, before, after)
      const kept = revokePrevious ? [] : replacedAccounts(this.#context, before, after)
      switchedOff = channels.filter((one) => isOff(after, one) && !isOff(before, one))
      const ofAccount = await accountWarnings(this.#context, after, patch)
      requireOwnSending(this.#context, patch)
      const ofTexts = await checkTexts(this.#context, after, patch)
      warnings = [...ofTexts, ...ofSender, ...ofAccount]
      return { ...change, patch, credentials: { kept, revoke: revokePrevious } }
    })
    for (const channel of switchedOff) {
      const about = { organizationId: id, channel }
      this.#context.options.logger.warn('organization disabled a channel: its reminders are withdrawn', about)
    }
    return { ...showSettings(row), warnings: [...warnings, ...standingWarnings(this.#context, row)] }
  }

  /** The organization's own templates, without the built-in ones. @throws NotificationError `settings_not_found`. */
  async getTemplates(id: string): Promise<PublishedTemplates> {
    return publishedTemplates(await settingsRow(this.#context, parseField(organizationId, id, 'organizationId')))
  }

  /**
   * Replaces the templates given and keeps the others; null for a channel returns all of its templates to the built-in
   * texts. They are published at once as a new version. `basedOn`: the version from which you made the change (null: none
   * was published); if another one is published by now, the call rejects. Default: no such check.
   * @throws NotificationError `settings_not_found`, `template_invalid`; `version_outdated`: another version than `basedOn`
   * is published; `conflict`: other changes to the settings kept coming in between.
   */
  async updateTemplates(
    id: string,
    input: TemplatesInput,
    { basedOn }: { readonly basedOn?: number | null | undefined } = {},
  ): Promise<WithWarnings<PublishedTemplates>> {
    const given = parseInput(templatesInput, input, 'templates')
    let warnings: readonly Warning[] = []
    const row = await changeSettings(this.#context, this.#actor, id, async (before) => {
      if (basedOn !== undefined) requireVersion(before, basedOn)
      const change = readSettingsPatch(this.#context, id, mergedTemplates(before, given))
      warnings = await checkTexts(this.#context, patched(before, change.patch), change.patch)
      return change
    })
    return { ...publishedTemplates(row), warnings }
  }

  /**
   * Creates the preferences of a patient or client. A field that is left out or null inherits from the organization.
   * @throws NotificationError `recipient_not_found`; `already_exists`; `options_invalid`: your directory has no
   * `recipients()`.
   */
  async createPreferences(recipient: HostPreferenceRef, input: PreferencesInput): Promise<WithWarnings<Preferences>> {
    return this.#preferences.create(recipient, input)
  }

  /** The stored preferences. @throws NotificationError `preferences_not_found`. */
  async getPreferences(recipient: HostPreferenceRef): Promise<Preferences> {
    return this.#preferences.get(recipient)
  }

  /**
   * Changes some fields: a field left out keeps its value, null inherits from the organization again. Creates the
   * preferences if there are none. `inFlight` is the number of messages to the recipient that were being sent at that
   * moment, and may still arrive.
   * @throws NotificationError if there are no preferences yet: `recipient_not_found`; `options_invalid`: your directory has
   * no `recipients()`.
   */
  async updatePreferences(
    recipient: HostPreferenceRef,
    input: PreferencesInput,
  ): Promise<WithWarnings<Preferences> & { readonly inFlight: number }> {
    return this.#preferences.update(recipient, input)
  }

  /**
   * The organization's settings, and which account would send on each channel now.
   * @throws NotificationError `organization_not_found`: it has no settings, and the directory does not know it.
   */
  async effectiveSettings(id: string): Promise<EffectiveSettings> {
    const row = await this.#settingsOrNull(id)
    await Promise.all([this.#context.accounts.refresh(), this.#context.hostAccounts.refresh()])
    return {
      organizationId: id,
      configured: row !== null,
      settings: row === null ? null : showSettings(row),
      channels: byChannel(channelsInUse(policyOf(row)), (channel) => effectiveChannel(this.#context, row, channel)),
    }
  }

  /**
   * Checks the organization's own accounts without sending anything: SMTP signs in, Twilio reads the account, and so on. All
   * are checked at the same time, within 12 s. Connections follow the rules for hosts that organizations name. What is wrong
   * is in the result, never thrown. A channel without an account of the organization is `unchecked`.
   * @throws NotificationError `organization_not_found`: it has no settings, and the directory does not know it;
   * `invalid_input`: the organization has no account `accountId`.
   */
  async verifyAccounts(id: string, options: VerifyOptions = {}): Promise<readonly AccountCheck[]> {
    const { accountId } = parseInput(verifyOptions, options, 'verification')
    const row = await this.#settingsOrNull(id)
    await this.#context.hostAccounts.refresh()
    const named = accountId === undefined ? null : accountNamed(this.#context, row, accountId)
    // What is refused above has written nothing.
    await this.#context.hostAccounts.load()
    const chosen = named === null ? accountsInUse(this.#context, row) : [named]
    return Promise.all(chosen.map((one) => checkAccount(this.#context, row, one)))
  }

  /**
   * Sends one real message (default: an e-mail) to the contact `to`, within 30 s, with the account that would send for the
   * organization now, or with `accountId`. It is sent without queue and retries, even if the channel is disabled or the
   * account is paused. Its text says that it is a test; on a channel of approved templates it is one of these, with `TEST`
   * for each name. It is not in the history; the audit log records who asked, the channel and the result. A refusal by the
   * provider is in the result, never thrown. Every call sends; with an `idempotencyKey`, mail servers that compare
   * Message-IDs drop the copies. `content`: another text, such as the preview of a template.
   * @throws NotificationError `invalid_input`: `to` has no usable address for the channel, or `accountId` is not an account
   * of the organization on this channel; `organization_not_found`: it has no settings, and the directory does not know it.
   */
  async sendTestMessage(
    id: string,
    to: Contact,
    options: TestMessageOptions = {},
    content: TestContent | null = null,
  ): Promise<TestMessageResult> {
    const contact = parseInput(contactSchema, to, 'contact')
    const given = parseInput(testMessageOptions, options, 'test message')
    const row = await this.#settingsOrNull(id)
    return testAccount(this.#context, this.#actor, id, row, contact, given, content)
  }

  /**
   * For every category and channel: whether a message would be sent, to which address and at which offsets, or why not.
   * @throws NotificationError `recipient_not_found`; `options_invalid`: your directory has no `recipients()`.
   */
  async effectivePreferences(recipient: HostPreferenceRef): Promise<EffectivePreferences> {
    return this.#preferences.effective(recipient)
  }

  async #requireOrganization(id: string): Promise<void> {
    const organization = await this.#context.host.organizations([id])
    if (organization(id).kind === 'known') return
    throw organizationNotFound(id)
  }

  /** Null for an organization that has none; the directory must know it. */
  async #settingsOrNull(id: string): Promise<SettingsRow | null> {
    parseField(organizationId, id, 'organizationId')
    const [row = null] = await this.#context.options.storage.settings.get([id])
    if (row === null) await this.#requireOrganization(id)
    return row
  }
}
