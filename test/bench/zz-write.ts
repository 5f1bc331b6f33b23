import { readdirSync, readFileSync, mkdtempSync } from 'node:fs'
import { capture } from 'appointment-notifications/capture'
import pg from 'pg'
import { everybody, openClinic, idsFrom } from './clinic.ts'
import { prepare } from './dispatching.ts'
import { fileStore, serverStore } from './stores.ts'
const url = readFileSync('/tmp/million/m-url', 'utf8')
const base = readFileSync('/tmp/million/m-server.pid', 'utf8')
const serverCpu = () => { let sum = 0; for (const p of readdirSync('/proc')) { if (!/^\d+$/.test(p)) continue; try { const s = readFileSync(`/proc/${p}/stat`, 'utf8'); const cmd = readFileSync(`/proc/${p}/cmdline`, 'utf8'); if (!cmd.includes('postgres')) continue; if (!cmd.includes(new URL(url).pathname.slice(1)) && !cmd.includes('bench_')) continue; const f = s.slice(s.lastIndexOf(')') + 2).split(' '); sum += Number(f[11]) + Number(f[12]) } catch {} } return sum * 10_000 }
const wal = async () => { const c = new pg.Client({ connectionString: url }); await c.connect(); const { rows } = await c.query(`select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint as n`); await c.end(); return Number(rows[0].n) }
const appointments = 5000, due = 10000
const rounds = Number(process.argv[3] ?? 3)
for (const store of [fileStore(mkdtempSync('/tmp/m-w-')), serverStore({ postgresUrl: url, redis: null } as never)]) {
  if (process.argv[2] && process.argv[2] !== store.name) continue
  for (let r = 0; r < rounds; r++) {
    const place = await store.make()
    const { plan, sendAll } = prepare({ place, appointments, due, transport: capture(), hasPhone: everybody })
    let c = process.cpuUsage(), b = performance.now(), s = serverCpu(), w = await wal()
    await plan()
    let u = process.cpuUsage(c)
    const planned = { cpuUs: Math.round((u.user + u.system) / (appointments * 4)), ms: Math.round(performance.now() - b) }
    c = process.cpuUsage(); b = performance.now(); s = serverCpu(); w = await wal()
    const watch = setInterval(() => { last = serverCpu() }, 20); let last = s
    const { sample } = await sendAll()
    u = process.cpuUsage(c); clearInterval(watch)
    console.log(store.name, 'planned', JSON.stringify(planned), 'dispatched cpuUs', ((u.user + u.system) / due).toFixed(1), 'server', ((last - s) / due).toFixed(1), 'ms', Math.round(performance.now() - b), 'perSecond', Math.round(sample.perSecond), 'wal/msg', Math.round((await wal() - w) / due))
    await place.drop()
  }
}
