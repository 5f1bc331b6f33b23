/** What publishing a change of templates has to confirm. */
import { describe, expect, it } from 'vitest'
import { channelOf } from '../../src/channels/index.ts'
import { droppedNames } from '../../src/messages/index.ts'
import { templated } from '../../src/schemas/channel-settings.ts'
import { type Template, template } from '../../src/schemas/templates.ts'

describe('what readers no longer find', () => {
  const dropped = (before: Template | null, after: Template | null) => {
    const { content } = channelOf('EMAIL')
    if (content.kind !== 'text') throw new Error('no texts')
    const texts = (one: Template | null) => ({
      templates: one === null ? {} : { appointment_reminder: template.parse(one) },
      making: {},
    })
    return droppedNames(templated('EMAIL', content), texts(before), texts(after)).map(
      ({ field, name }) => `${field.replace('emailTemplates.appointment_reminder', '')} ${name}`,
    )
  }
  const both = { body: '{date} {confirm_url}', variants: [{ language: 'es', body: '{date} {confirm_url}' }] }

  it('is compared for each of them', () => {
    expect(dropped(both, { ...both, variants: [{ language: 'es', body: '{date}' }] })).toEqual([
      '.variants[0] confirm_url',
    ])
    // A reader who had the text for everybody gets one of their own.
    expect(dropped(both.body, { ...both, variants: [{ audience: 'other', body: '{confirm_url}' }] })).toEqual([
      '.variants[0] date',
    ])
    expect(dropped(both, { body: both.body })).toEqual([])
    expect(dropped({ ...both, subject: '{location}' }, both)).toEqual([' location'])
    expect(dropped(null, both)).toEqual([])
  })

  it('is an answer where the built-in text takes over', () => {
    expect(dropped(both, null)).toEqual([' confirm_url'])
    expect(dropped('{date} {preferences_url} {answer_hint}', null)).toEqual([' answer_hint'])
    expect(dropped(both, { variants: [{ language: 'es', body: both.body }] })).toEqual([' confirm_url'])
  })
})
