#!/usr/bin/env node
import { silentLogger } from '../../../src/ports/logger.ts'
import { runCli } from '../cli.ts'
import { commandLine } from '../commands/command.ts'

// For good: what the host application's file does a moment after the command is not meant either.
Reflect.set(globalThis, commandLine, silentLogger)

const { stdout, stderr } = process
/** What is written, until who reads it has it or is gone: a pipe takes its time. */
const written: Promise<void>[] = []
const writer = (write: typeof stdout.write) => (text: string) =>
  void written.push(new Promise((resolve) => void write(`${text}\n`, () => resolve())))
const surroundings = { out: writer(stdout.write.bind(stdout)), err: writer(stderr.write.bind(stderr)) }

// Standard output is the result's: what the host application's file logs, such as by `console.log`, goes elsewhere.
Reflect.set(stdout, 'write', stderr.write.bind(stderr))

// Whoever reads may stop, as `head` does; the command goes on to its end.
for (const stream of [stdout, stderr]) {
  stream.on('error', (error) => {
    if (!('code' in error && error.code === 'EPIPE')) throw error
  })
}

process.exitCode = await runCli(process.argv.slice(2), surroundings)
await Promise.all(written)

// What the host application's file opened, such as a server, must not keep the command from ending.
setTimeout(() => process.exit(), 1000).unref()
