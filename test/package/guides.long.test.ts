/** Compiles every program of the guides as it stands, with the types of the sources and the options of this project. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { fileOf, firstProgram, jsonwebtokenTypes, programs } from './guides.ts'
import { root } from './manifest.ts'

const folder = join(root, 'guides')
const files = new Map([
  [join(folder, 'notifications.mts'), firstProgram],
  [join(folder, 'jsonwebtoken.d.ts'), jsonwebtokenTypes],
  ...programs.map((block) => [join(folder, fileOf(block)), block.code] as const),
])

function compile(): readonly string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8'))
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.readFile = (path) => files.get(path) ?? readFile(path)
  host.directoryExists = (path) => path === folder || existsSync(path)
  host.getSourceFile = (path, ...rest) => {
    const text = files.get(path)
    return text === undefined
      ? getSourceFile(path, ...rest)
      : ts.createSourceFile(path, text, options.target ?? ts.ScriptTarget.ES2023)
  }
  const program = ts.createProgram({ rootNames: [...files.keys()], options, host })
  return [...files.keys()].flatMap((path) => {
    const source = program.getSourceFile(path)
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    return found.map(({ messageText, start = 0 }) => {
      const line = source?.getLineAndCharacterOfPosition(start).line ?? 0
      return `${path}:${line + 1} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    })
  })
}

it('every program of the guides compiles as it stands', { timeout: 120_000 }, () => {
  expect(programs.length).toBeGreaterThan(20)
  expect(compile()).toEqual([])
})
