export { approvedDetailWarnings, checkApproved, renderApproved } from './approved.ts'
export { type CalendarText, calendarText } from './calendar-text.ts'
export {
  checkPartials,
  checkTemplates,
  detailWarnings,
  linksNamed,
  type Making,
  namedIn,
  sampleFacts,
} from './check.ts'
export { type Compile, type Compilers, compiledOnce, compilersOf, usualCompilers } from './compile.ts'
export { isolated, withElements } from './direction.ts'
export {
  type Block,
  type Button,
  blocksHtml,
  documentHtml,
  documentOf,
  type Fact,
  type Inline,
  type MessageDocument,
  textOfDocument,
} from './document.ts'
export { droppedNames } from './dropped.ts'
export { type MessageFacts, namesOf, type RenderedMessage } from './facts.ts'
export type { ApprovedFormat, MessageFormat, SizeLimit, Templated, TextCost, TextFormat } from './format.ts'
export { type Understood, understand } from './inbound.ts'
export { inboundReply } from './inbound-replies.ts'
export { type Asked, english, type Language, Languages, type Wording } from './languages.ts'
export { letterOf } from './letter.ts'
export { type LanguageFile, languageFiles } from './locales.ts'
export { type MailFrame, MailFrames } from './mail-frame.ts'
export { builtInLayout, type MailBrand, type MailContent, type MailLayout } from './mail-layout.ts'
export type { Reader } from './parts.ts'
export { plainCharacters, visibly } from './plain-characters.ts'
export { renderMessage, renderStored } from './render.ts'
export { clipping } from './size.ts'
export { excerpt } from './template-problems.ts'
export { cleanName, escapeHtml, givenText, htmlOf, plainSpaces } from './text.ts'
export { LanguageFault, type TextKey } from './texts.ts'
export { askVariable, isVariable, linkOf, variableNames } from './variables.ts'
export {
  answerHint,
  appointmentLines,
  type DayForm,
  headingOf,
  organizationOf,
  sentenceOf,
  shortSubject,
  shortText,
  type Words,
  wordsOf,
} from './words.ts'
