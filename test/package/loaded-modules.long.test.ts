import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { entries, manifest } from './manifest.ts'

/**
 * Which packages a thread has loaded after it imported, or required, a specifier. A thread has modules of its own, as a process
 * has, and starts sooner.
 */
async function loadedBy(specifier: string, how: 'import' | 'require'): Promise<string[]> {
  const thread = new Worker(new URL('./load.ts', import.meta.url), { workerData: { specifier, how }, execArgv: [] })
  const [message] = await once(thread, 'message')
  await thread.terminate()
  const urls = z.array(z.string()).parse(message)
  expect(urls.length).toBeGreaterThan(1)
  return [...new Set(urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []))]
}

const vendors = Object.keys(manifest.peerDependencies)

it.each(entries.map(({ specifier }) => specifier))(
  '%s loads no optional vendor, by import or by require; the suites load vitest',
  async (specifier) => {
    for (const how of ['import', 'require'] as const) {
      const loaded = await loadedBy(specifier, how)
      expect(loaded.filter((name) => vendors.includes(name))).toEqual(
        specifier.endsWith('/conformance') ? ['vitest'] : [],
      )
    }
  },
)
