/** A thread that imports, or requires, one specifier, and posts the URLs of all that Node's loader loaded for it. */
import { createRequire, registerHooks } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'

const urls: string[] = []
registerHooks({
  load(url, context, next) {
    urls.push(url)
    return next(url, context)
  },
})
const { specifier, how } = workerData
if (how === 'import') await import(specifier)
else createRequire(import.meta.url)(specifier)
parentPort?.postMessage(urls)
