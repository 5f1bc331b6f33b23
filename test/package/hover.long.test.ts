import { join } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { root } from './manifest.ts'

/** An editor shows the comment of a field beside the cursor, also where the type is inferred from a schema. */
const written = /(?:Options|Filter|Input|Rules)$|^(?:Directory|Organization|Outbound)/

it('every field that a host writes has a comment of its own', { timeout: 120_000 }, () => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  const index = join(root, 'src/index.ts')
  const program = ts.createProgram([index], options)
  const checker = program.getTypeChecker()
  const module = checker.getSymbolAtLocation(program.getSourceFile(index) ?? expect.fail('no index.ts'))
  const bare = checker.getExportsOfModule(module ?? expect.fail('no module')).flatMap((symbol) => {
    if (!written.test(symbol.name)) return []
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    const type = checker.getDeclaredTypeOfSymbol(target)
    // What numbers and lists have in common is no field of ours.
    if (type.isUnion()) return []
    return type
      .getProperties()
      .filter((field) => field.getDocumentationComment(checker).length === 0)
      .map((field) => `${symbol.name}.${field.name}`)
  })
  expect(bare).toEqual([])
})
