#!/usr/bin/env node
import { silentLogger } from '../../../src/index.ts'
import { runCli } from '../cli.ts'
import { commandLine } from '../commands/command.ts'

// For good: what the host application's file does a moment after the command is not meant either.
Reflect.set(globalThis, commandLine, silentLogger)

// Standard output is for results, which scripts read: what the host application's file prints there goes to standard error.
const print = process.stdout.write.bind(process.stdout)
process.stdout.write = process.stderr.write.bind(process.stderr)

process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => void print(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
})

// What the host application's file opened, such as a server, must not keep the command from ending.
setTimeout(() => process.exit(), 1000).unref()
