import { direct, replay } from './executors.ts'
import { rowsConformance } from './suite.ts'

rowsConformance('SQLite, at once', direct)
rowsConformance('SQLite, in a transaction of the host', replay)
