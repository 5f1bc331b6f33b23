import { bodyConformance } from '../../conformance/http/bodies.ts'
import { routerConformance } from '../../conformance/http/suite.ts'
import { nestMiddleware, nestOnExpress, nestOnFastify } from './nestjs.ts'

routerConformance({ name: 'nestjs on express', mount: nestOnExpress() })
routerConformance({ name: 'nestjs on fastify', mount: nestOnFastify() })

bodyConformance({
  name: 'nestjs',
  delivered: {
    'on express': nestOnExpress(),
    'on express, with rawBody': nestOnExpress({ rawBody: true }),
    'on express, without its parser': nestOnExpress({ bodyParser: false }),
    'as a middleware of a module': nestMiddleware(),
    'as a middleware of a module, with rawBody': nestMiddleware({ rawBody: true }),
    'on fastify': nestOnFastify(),
    'on fastify, with rawBody': nestOnFastify({ rawBody: true }),
  },
  taken: {},
})
