import type { SettingsRow } from '../../ports/storage.ts'
import { patched } from '../../schemas/channel-settings.ts'
import type { Warning } from '../../schemas/common.ts'
import { emptySettings, type OrganizationSettingsInput } from '../../schemas/settings.ts'
import type { Context } from '../shared/context.ts'
import { organizationNotFound } from '../shared/not-found.ts'
import { withAccountLists } from './account-list.ts'
import { requireNewSecrets } from './kept-secrets.ts'
import { readSettingsPatch, unsentCalendarFiles } from './settings-patch.ts'
import { checkTexts } from './template-checks.ts'
import { withSenders } from './written-numbers.ts'

/**
 * An organization's settings as they would be after a change, which is checked as when it is saved; nothing is stored, and no provider asked.
 * @throws NotificationError as `updateOrganizationSettings`; `organization_not_found` for one that the directory does not know.
 */
export async function supposedSettings(
  context: Context,
  id: string,
  input: OrganizationSettingsInput,
): Promise<{ readonly after: SettingsRow; readonly warnings: readonly Warning[] }> {
  const { storage, clock } = context.options
  const change = readSettingsPatch(context, id, input)
  const [before = null] = await storage.settings.get([id])
  if (before === null && (await context.host.organizations([id]))(id).kind === 'gone') throw organizationNotFound(id)
  const { accountKey, ...listed } = withAccountLists(context, id, change.patch, before)
  const { values, warnings } = await withSenders(listed, before)
  const at = clock.now()
  const unversioned = { templateVersion: null, templateVersions: null }
  const none = {
    ...emptySettings,
    ...unversioned,
    accountKey,
    id: 0,
    organizationId: id,
    revision: 0,
    createdAt: at,
    updatedAt: at,
  }
  const after = patched<SettingsRow>(before ?? none, values)
  if (before !== null) requireNewSecrets(context, before, after)
  const ofTexts = await checkTexts(context, after, values)
  return { after, warnings: [...ofTexts, ...warnings, ...unsentCalendarFiles(context, after)] }
}
