import { readFileSync } from 'node:fs'
import { defineConfig } from 'tsup'

type Manifest = { exports: Record<string, string | { types: string; default: string }>; bin: Record<string, string> }
const manifest: Manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))

/** The entries come from `exports` and `bin`, so what is published and what is built cannot drift apart. */
const entry = Object.fromEntries(
  [...Object.values(manifest.exports), ...Object.values(manifest.bin)]
    .map((target) => (typeof target === 'string' ? target : target.default))
    .filter((path) => path.startsWith('./dist/'))
    .map((path) => {
      const name = path.replace('./dist/', '').replace(/\.js$/, '')
      return [name, name === 'index' ? 'src/index.ts' : `${name}.ts`]
    }),
)

export default defineConfig({
  entry,
  format: 'esm',
  target: 'node22',
  platform: 'node',
  dts: true,
  splitting: true,
  clean: true,
  treeshake: false,
})
