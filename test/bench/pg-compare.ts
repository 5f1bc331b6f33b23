import { fork } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { startPostgres } from '/work/wt/pg/test/support/postgres-server.ts'

const rounds = Number(process.argv[2] ?? 5)
const trees = (process.argv[3] ?? '/tmp/pgbase,/work/wt/pg').split(',')
const { stop, url: postgresUrl } = await startPostgres('newest', [
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'shared_buffers=256MB',
])
const all = new Map<string, Record<string, [number, number][]>>()
try {
  for (let i = 0; i < rounds; i += 1) {
    for (const tree of i % 2 ? [...trees].reverse() : trees) {
      const child = fork(`${tree}/test/bench/pg-only.ts`, [postgresUrl], { cwd: tree, execArgv: ['--expose-gc'] })
      const out = await new Promise<Record<string, [number, number]>>((resolve, reject) => {
        child.once('message', (m) => resolve(m as never))
        child.once('exit', (c) => reject(new Error(`ended ${c}`)))
      })
      const known = all.get(tree) ?? {}
      for (const [k, v] of Object.entries(out)) (known[k] ??= []).push(v)
      all.set(tree, known)
      console.log(
        i,
        tree,
        Object.entries(out)
          .map(([k, [v, c]]) => `${k} ${v.toFixed(0)}/s ${c.toFixed(0)}us`)
          .join('  '),
      )
    }
  }
  const med = (x: number[]) => x.toSorted((a, b) => a - b)[Math.floor(x.length / 2)] ?? 0
  for (const [tree, r] of all)
    console.log(
      'MEDIAN',
      tree,
      Object.entries(r)
        .map(([k, v]) => `${k} ${med(v.map((x) => x[0])).toFixed(0)}/s ${med(v.map((x) => x[1])).toFixed(0)}us`)
        .join('  '),
    )
} finally {
  await stop()
}
process.exit(0)
