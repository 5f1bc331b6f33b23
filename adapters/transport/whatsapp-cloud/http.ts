import { parsed } from '../shared/json.ts'
import type { Answer } from './failures.ts'

/** More than any answer of the Cloud API has; what is longer is no answer of it. */
const longestAnswer = 64 * 1024

/** One request: no redirect is followed, which would take the access token elsewhere. */
export async function ask(url: URL, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, { ...init, redirect: 'manual' })
  const { status, headers } = response
  const text = await textOf(response)
  return { status, retryAfter: headers.get('retry-after'), body: parsed(text) }
}

async function textOf(response: Response): Promise<string> {
  if (response.body === null) return ''
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true })
    // Leaving the loop cancels the rest.
    if (text.length > longestAnswer) return ''
  }
  return text + decoder.decode()
}
