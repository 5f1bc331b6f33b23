import 'reflect-metadata'
import { type MiddlewareConsumer, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { expressRouter } from '../../../adapters/http/express.ts'
import { fastifyPlugin } from '../../../adapters/http/fastify.ts'
import type { SetUp } from '../../conformance/http/bodies.ts'
import { listening } from './listening.ts'

class Empty {}
Module({})(Empty)

type Options = { readonly rawBody?: boolean; readonly bodyParser?: boolean }

/** As Nest's own documentation mounts a foreign router. */
export const nestOnExpress =
  (options: Options = {}): SetUp =>
  async (library, basePath) => {
    const app = await NestFactory.create<NestExpressApplication>(Empty, { logger: false, ...options })
    app.use(basePath, expressRouter(library))
    await app.listen(0, '127.0.0.1')
    return listening(app.getHttpServer())
  }

/** Within a module: Nest has parsed the body by then. */
export const nestMiddleware =
  (options: Options = {}): SetUp =>
  async (library, basePath) => {
    class Clinic {
      configure(consumer: MiddlewareConsumer) {
        consumer.apply(expressRouter(library)).forRoutes(basePath)
      }
    }
    Module({})(Clinic)
    const app = await NestFactory.create<NestExpressApplication>(Clinic, { logger: false, ...options })
    await app.listen(0, '127.0.0.1')
    return listening(app.getHttpServer())
  }

export const nestOnFastify =
  (options: Options = {}): SetUp =>
  async (library, basePath) => {
    const adapter = new FastifyAdapter({ forceCloseConnections: true })
    const app = await NestFactory.create<NestFastifyApplication>(Empty, adapter, { logger: false, ...options })
    await app.register(fastifyPlugin(library), { prefix: basePath })
    await app.listen(0, '127.0.0.1')
    return { origin: await app.getUrl(), close: () => app.close() }
  }
