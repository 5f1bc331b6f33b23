/** The rules, with the sentence that `explain()` and the debug endpoints show. */
export const ruleTable = {
  due_by_offset: 'planned by the effective reminder offsets',
  past_time: 'its time was already past when it was planned',
  merged_into_nearest: 'its time was already past when it was planned; the nearest reminder is sent in its place',
  sent_late_by_policy: 'its time was already past when it was planned; the organization sends such reminders at once',
  sent_late_after_move:
    'the appointment was moved without being reported, and by its new start the reminder was already due; sent at once',
  appointment_started: 'the appointment has started; nothing is sent after the start',
  appointment_cancelled: 'the appointment is cancelled',
  appointment_gone: 'the host application no longer has the appointment',
  appointment_found: 'the host application has the appointment again',
  appointment_ended: 'the appointment is over',
  appointment_active: 'the appointment is active again',
  appointment_moved: 'the appointment was moved',
  zone_data_changed: 'the rules of the time zone changed, so the local time is now another instant',
  appointment_unreadable: 'your directory returned an invalid appointment',
  field_ignored: 'your directory returned an invalid field, which is ignored; the rest of the row is used',
  directory_failed: 'your directory could not be read',
  waitlist_entry_gone: 'the host application no longer has the waitlist entry',
  recipient_removed: 'the recipient is not part of the appointment (any more)',
  recipient_deleted: 'the recipient was deleted',
  cancelled_by_request: 'the host application cancelled the reminders',
  offset_removed: 'the offset is no longer among the effective offsets',
  replanned: 'settings, preferences or the appointment changed; the reminders were planned again',
  not_reported:
    'the appointment was never reported, so nothing is planned; reconcile() finds it if the directory lists it as upcoming',
  reconciled: 'reconciliation found that the plan did not match the appointment and the settings',
  superseded: 'a newer notice about the same appointment replaces it',
  nearer_reminder: 'several reminders were due; only the nearest to the start is sent',
  same_address: 'another recipient of the appointment has the same address and gets the message',
  one_message_per_day: 'sent in one message with the reminders of other appointments of that day',
  recipient_silent: 'your directory says that nothing is sent to the recipient (`silent`)',
  channel_disabled_by_organization: 'the organization disables the channel',
  category_disabled_by_organization: 'the organization does not send this kind of message on the channel',
  channel_disabled_by_recipient: 'the recipient disables the channel',
  no_consent: 'the channel needs the consent of the recipient, who has not given it',
  category_disabled_by_recipient: 'the recipient disables this kind of message',
  not_switched_on_for_practitioners: 'the organization does not enable this kind of message for practitioners',
  no_contact: 'the recipient has no address for the channel',
  invalid_contact: 'the address of the recipient is invalid',
  contact_doubtful: 'the address of the recipient is used, but may be wrong',
  suppressed: 'the address opted out, was reported as unwanted or is known to fail; nothing is sent to it',
  consent_in_doubt: 'something the person wrote may be an opt-out; nothing is sent on the channel until staff decide',
  no_template:
    'the organization has no approved template for this kind of message in the language of the recipient, nor in its own',
  no_transport: 'no transport for the channel is installed (option "transports")',
  no_account: 'neither the organization nor the host application has an account for the channel',
  no_host: 'the mail settings of the organization have no SMTP host, and the host application has no account',
  no_credentials: 'the key or secret of the account is missing',
  no_sender: 'the account has no sender address',
  encryption_key_missing: 'the stored credentials require the option "encryptionKey", which this process does not have',
  provider_unreadable:
    'the stored credentials cannot be decrypted: the key that they were saved with is not in the option "encryptionKey"; add it, or save them again',
  allowed: 'organization, recipient and provider allow it',
  free_text:
    'there is no approved template for it, but the person wrote within the last 24 hours: sent as free text, with the built-in wording',
  asked_for: 'the host application requested it',
  lifecycle: 'the host application reported a change of the appointment',
  duplicate: 'the same notice was already requested',
  daily_cap: 'the organization reached its daily cap; postponed to the next day',
  capped: 'the organization reached its daily cap again on the next day; cancelled',
  account_paused: 'the account is paused: its provider refused it or could not be reached; sent when it works again',
  account_limited: 'the account reached its limit of messages for the day; sent on the next day',
  account_failing: 'too many messages of the account fail or take too long; other accounts send until it works again',
  fallback: 'it failed on another channel; sent on this one in its place',
  fallback_if_unreported: 'sent on this channel if the message on the other one is not reported as delivered in time',
  fallback_unproven:
    'the message on the other channel was not reported as delivered, but neither was any that its account sent since: perhaps only the reports are missing',
  fallback_needless: 'the person got the same from another message; no other channel takes over',
  fallback_tried: 'the message for this channel failed too; sent on the next one, if there is one',
  next_account: 'the account before it refused or failed; sent by the next one',
  sender_paused: 'the sender may not send to that country; sent when the provider allows it',
  in_quiet_hours: 'its time is within the quiet hours of the channel; sent before or after them',
  quiet_hours_past: 'after the quiet hours it would be too late to be useful; not sent',
  quiet_hours_urgent: 'within the quiet hours of the channel, and too late to be useful after them; sent at once',
  quiet_hours_elsewhere:
    'within the quiet hours of the channel, and too late to be useful after them; sent on a channel without quiet hours',
  budget_spent: 'the person gets as many messages on that day as the organization allows',
  mended: 'the change that it announces was undone before it was sent; not sent',
  transient_failure: 'the provider failed temporarily; tried again later',
  reported_retry: 'the provider accepted it and reported later that it did not arrive; tried again later',
  reported_failed: 'the provider accepted it and reported later that it did not arrive',
  reported_delayed: 'the mail server reported that it could not deliver it yet and goes on trying',
  reported_bounced: 'the provider reported that it bounced',
  reported_sent: 'the provider reported that it had accepted it',
  reported_delivered: 'the provider reported that it arrived',
  reported_read: 'the provider reported that it was read',
  reported_complained: 'the person reported it as unwanted',
  never_reported:
    'the provider reports which messages arrive, but reported nothing about this one in the expected time',
  retries_exhausted: 'the last allowed attempt failed',
  too_late: 'it could not be sent in time',
  permanent_failure: 'the provider refused it permanently',
  unknown_retry: 'the outcome of the last attempt is unknown; tried again under the same idempotency key',
  unknown_hold: 'the outcome of the last attempt is unknown; held',
  late_outcome: 'the result of an earlier attempt arrived after another worker had begun to send the message again',
  restored:
    'the database was restored from a backup: the message was due since then and may have been sent; held for a decision',
  released: 'held after a restore, and released by the host application',
  answered_confirm: 'the person confirmed the appointment',
  answered_change: 'the person asks for another time',
  answered_cancel: 'the person asks to cancel',
  answer_outdated: 'the appointment was moved, so the earlier answer no longer counts',
  confirmed: 'the person confirmed the appointment, and the organization sends no further reminders after that',
  hook_called: 'your hook accepted the answer',
  hook_failed: 'your hook failed or did not resolve in time; it is called again later',
  template_failed: 'the template could not be rendered',
  task_manager_delivers: 'TaskManager sends it when it is due',
  task_changed: 'the text or time changed, and TaskManager accepted the change',
  task_withdrawn: 'TaskManager confirmed that it will not send it',
  task_lost: 'TaskManager lost the task before it was due; it is created again',
  task_overdue: 'TaskManager did not send it in time and confirmed that it will not; the library sends it',
  task_manager_away: 'TaskManager could not be reached in time; the library sends it',
  task_manager_failed: 'TaskManager reported that it could not be sent',
  task_manager_silent: 'TaskManager could not say whether it was sent; held',
  sent_despite_withdrawal: 'TaskManager had sent it before it could be withdrawn',
} as const satisfies Record<string, string>
/** A rule by which something was decided; `ruleTable` has a sentence for each. */
export type Rule = keyof typeof ruleTable

/** Why nobody can send on a channel: something has to be configured first. */
export const missingProvider = ['no_transport', 'no_account', 'no_host', 'no_credentials', 'no_sender'] as const
/** Why this process cannot: another one may, or this one when it has the right keys. */
export const lockedProvider = ['encryption_key_missing', 'provider_unreadable'] as const
export type ProviderFault = (typeof missingProvider | typeof lockedProvider)[number]

/** Nothing can be sent before somebody configures it: a provider, or an approved template. */
export const isUnconfigured = (rule: Rule): boolean =>
  rule === 'no_template' || missingProvider.some((one) => one === rule)
export const isProviderLocked = (rule: Rule): boolean => lockedProvider.some((one) => one === rule)
/** The message should go out and cannot: a failure to report, not a wish to respect. */
export const isSetUpFault = (rule: Rule): boolean => isUnconfigured(rule) || isProviderLocked(rule)
