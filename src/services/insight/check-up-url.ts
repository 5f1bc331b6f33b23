import type { Finding } from './check-up-table.ts'

const patienceMs = 5000

/** Whether this library answers at its public URL, as providers and people's browsers reach it. */
export async function publicUrlFindings(publicUrl: string | null): Promise<Finding[]> {
  if (publicUrl === null) {
    const cause = 'There is no public URL: messages have no links, and providers report nothing.'
    return [['public_url_missing', { cause }]]
  }
  const url = `${publicUrl}/health`
  const fault = await faultAt(url)
  return fault === null ? [] : [['public_url_unreachable', { cause: `GET ${url}: ${fault}` }]]
}

async function faultAt(url: string): Promise<string | null> {
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(patienceMs) })
    const answer: unknown = await response.json().catch(() => null)
    const isOurs =
      typeof answer === 'object' && answer !== null && 'status' in answer && [200, 503].includes(response.status)
    return isOurs ? null : `something else answers, with status ${response.status}`
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : null
    return code ?? (cause instanceof Error ? cause.message : 'it failed')
  }
}
