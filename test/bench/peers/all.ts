import type { Servers } from '../servers.ts'
import { bullmqOnPostgres, bullmqOnRedis } from './bullmq.ts'
import { graphileWorker } from './graphile-worker.ts'
import type { Peer } from './peer.ts'
import { pgBoss } from './pg-boss.ts'

/** Those whose database is there. */
export const peersOf = ({ postgresUrl, redis }: Servers): readonly Peer[] => [
  pgBoss(postgresUrl),
  graphileWorker(postgresUrl),
  bullmqOnPostgres(postgresUrl),
  ...(redis === null ? [] : [bullmqOnRedis(redis.always, 'always'), bullmqOnRedis(redis.everySecond, 'everysec')]),
]
