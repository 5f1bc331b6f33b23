import { english } from '../../messages/index.ts'
import type { Shut } from './opened.ts'
import type { Page } from './page.ts'

const stranger = {
  language: english.tag,
  isFromRight: false,
  organization: null,
  color: null,
  isResult: false,
  file: null,
  form: null,
} as const

/** The same for all: it reveals neither whom a link was for, nor whether there was one. */
export const shutPage = (shut: Shut): Page => ({
  ...stranger,
  status: shut === 'over' ? 410 : 404,
  title: english.texts['page.gone']({}),
  paragraphs: [english.texts['page.gone_text']({})],
})

/** Something failed that the person can do nothing about. */
export const troublePage = (status: number): Page => ({
  ...stranger,
  status,
  title: english.texts['page.gone']({}),
  paragraphs: [english.texts['page.later']({})],
})
