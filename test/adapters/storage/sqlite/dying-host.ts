/** A process of `host-transaction.test.ts`: writes its row and a plan in one transaction, says so, and waits to be killed. */
import Database from 'better-sqlite3'
import { planCommand } from '../../../conformance/storage/rows.ts'
import { sqlite } from '../../../support/stores.ts'

const [path = ''] = process.argv.slice(2)
const database = new Database(path)
database.exec('begin immediate; insert into visits values (1)')
await sqlite(path).within?.(database).plans.apply([planCommand()])
console.log('written')
setInterval(() => {}, 1000)
