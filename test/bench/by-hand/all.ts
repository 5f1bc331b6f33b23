import type { Contestant } from '../contest.ts'
import type { Servers } from '../servers.ts'
import { bullmq } from './bullmq.ts'
import { careful } from './careful.ts'
import { byHand, nameOf } from './contestant.ts'
import { emptyJobs } from './empty.ts'
import { graphileWorker } from './graphile-worker.ts'
import { pgBoss } from './pg-boss.ts'
import { usual } from './usual.ts'
import type { Way } from './way.ts'

const ways = { usual, careful }

/** Those whose database is there. */
const enginesOf = ({ redis }: Servers) => [pgBoss, graphileWorker, ...(redis === null ? [] : [bullmq({ port: redis })])]

/** Every queue in both ways, joined where it hands over single jobs. */
export const joinedOf = (servers: Servers): Contestant[] =>
  enginesOf(servers).flatMap((engine) => [usual, careful].map((way) => byHand(servers.postgresUrl, engine, way, true)))

/** The same without joining, which makes no difference where nothing is sent. */
export const plainOf = (servers: Servers, these: readonly Way[] = [usual, careful]): Contestant[] =>
  enginesOf(servers).flatMap((engine) => these.map((way) => byHand(servers.postgresUrl, engine, way, false)))

/** Those that hand over single jobs, each done by itself. */
export const oneByOneOf = (servers: Servers): Contestant[] =>
  enginesOf(servers)
    .filter(({ single }) => single)
    .map((engine) => byHand(servers.postgresUrl, engine, usual, false))

export const emptyOf = (servers: Servers): Contestant[] =>
  enginesOf(servers).map((engine) => emptyJobs(servers.postgresUrl, engine))

/** Everybody who does the job in that way. */
export const namesOf = (way: keyof typeof ways): string[] =>
  [pgBoss, graphileWorker, bullmq({ port: 0 })].flatMap((engine) => [
    nameOf(engine, ways[way], false),
    ...(engine.single ? [nameOf(engine, ways[way], true)] : []),
  ])
