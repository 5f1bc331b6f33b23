/**
 * What the package exports, entry by entry: every name with its signature, and the types that these mention. `npm run api` writes
 * it to `api.txt`, so that a change of the public API is a change of a file, which a review sees.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { entries, root } from './manifest.ts'

export const reportFile = join(root, 'test', 'package', 'api.txt')

const printFlags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope
const { Alias, Class, Function: Fn, Interface, TypeAlias, Variable } = ts.SymbolFlags

export function apiReport(): string {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8'))
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  const files = entries.map(({ source }) => join(root, source))
  const program = ts.createProgram({ rootNames: files, options })
  const checker = program.getTypeChecker()
  const targetOf = (symbol: ts.Symbol) => (symbol.flags & Alias ? checker.getAliasedSymbol(symbol) : symbol)

  const known = new Set<ts.Symbol>()
  const modules = entries.map(({ specifier, source }) => {
    const file = program.getSourceFile(join(root, source))
    const module = file && checker.getSymbolAtLocation(file)
    if (module === undefined) throw new Error(`${source} is no module`)
    const exported = checker
      .getExportsOfModule(module)
      .map((symbol) => ({ name: symbol.name, symbol: targetOf(symbol) }))
    for (const { symbol } of exported) known.add(symbol)
    return { specifier, exported: exported.sort((one, other) => (one.name < other.name ? -1 : 1)) }
  })

  const text = modules.map(({ specifier, exported }) => {
    const printed = exported.map(({ name, symbol }) => `export ${declarationOf(checker, name, symbol)}`)
    // Of the types they mention, those that nobody can import: their change is one of the API too.
    const inside: string[] = []
    const queue = exported.map(({ symbol }) => symbol)
    for (const symbol of queue) {
      for (const found of mentionedBy(checker, symbol)) {
        if (known.has(found)) continue
        known.add(found)
        queue.push(found)
        inside.push(declarationOf(checker, found.name, found))
      }
    }
    return `declare module '${specifier}' {\n${[...printed, ...inside.sort()].join('\n')}\n}\n`
  })
  return formatted(text.join('\n'))
}

/** As a declaration of TypeScript, without comments. */
function declarationOf(checker: ts.TypeChecker, name: string, symbol: ts.Symbol): string {
  const print = (type: ts.Type, flags = 0) => checker.typeToString(type, undefined, printFlags | flags)
  const signature = (one: ts.Signature) => checker.signatureToString(one, undefined, printFlags)
  const [declaration] = symbol.declarations ?? []
  if (symbol.flags & Class) {
    const made = checker.getTypeOfSymbol(symbol).getConstructSignatures()
    const members = checker.getDeclaredTypeOfSymbol(symbol).getProperties().filter(isOurs)
    const lines = members.map((member) => `${member.name}: ${print(checker.getTypeOfSymbol(member))}`)
    const constructors = made.map((one) => `constructor${signature(one).replace(/\): \w+$/, ')')}`)
    return `class ${name} {\n${[...constructors, ...lines].join('\n')}\n}`
  }
  if (symbol.flags & Fn) {
    const signatures = checker.getTypeOfSymbol(symbol).getCallSignatures()
    return signatures.map((one) => `function ${name}${signature(one)}`).join('\nexport ')
  }
  if (symbol.flags & Variable) return `const ${name}: ${print(checker.getTypeOfSymbol(symbol))}`
  if (declaration !== undefined && ts.isInterfaceDeclaration(declaration)) {
    return declaration.getText().replace(/^(?:export )?interface \w+/, `interface ${name}`)
  }
  if (declaration !== undefined && ts.isTypeAliasDeclaration(declaration)) {
    const parameters = declaration.typeParameters?.map((one) => one.getText()).join(', ')
    const type = print(checker.getDeclaredTypeOfSymbol(symbol), ts.TypeFormatFlags.InTypeAlias)
    return `type ${name}${parameters === undefined ? '' : `<${parameters}>`} = ${type}`
  }
  throw new Error(`${name} is of a kind that the report does not know`)
}

const isOurs = ({ name, declarations = [] }: ts.Symbol): boolean =>
  !/^(?:#|__@|__#)/.test(name) && declarations.some((one) => !one.getSourceFile().fileName.includes('/node_modules/'))

/** The named types of this project in a declaration, one step deep. */
function mentionedBy(checker: ts.TypeChecker, symbol: ts.Symbol): readonly ts.Symbol[] {
  const found = new Set<ts.Symbol>()
  const seen = new Set<ts.Type>()
  const note = (named: ts.Symbol | undefined): boolean => {
    if (named === undefined || named === symbol || !(named.flags & (Class | Interface | TypeAlias)) || !isOurs(named))
      return false
    found.add(named)
    return true
  }
  const visit = (type: ts.Type): void => {
    if (seen.has(type)) return
    seen.add(type)
    for (const argument of type.aliasTypeArguments ?? []) visit(argument)
    if (note(type.aliasSymbol)) return
    if (type.isUnionOrIntersection()) for (const one of type.types) visit(one)
    if (!(type.flags & ts.TypeFlags.Object)) return
    if (isReference(type)) checker.getTypeArguments(type).forEach(visit)
    if (note(type.symbol)) return
    if (type.symbol === symbol || type.symbol?.flags === undefined || !isLibrarys(type.symbol)) members(type)
  }
  const members = (type: ts.Type): void => {
    for (const property of type.getProperties()) if (isOurs(property)) visit(checker.getTypeOfSymbol(property))
    for (const one of [...type.getCallSignatures(), ...type.getConstructSignatures()]) {
      visit(one.getReturnType())
      for (const parameter of one.getParameters()) visit(checker.getTypeOfSymbol(parameter))
    }
  }
  if (symbol.flags & (Class | Fn | Variable)) visit(checker.getTypeOfSymbol(symbol))
  if (symbol.flags & (Class | Interface | TypeAlias)) visit(checker.getDeclaredTypeOfSymbol(symbol))
  return [...found]
}

const isReference = (type: ts.Type): type is ts.TypeReference =>
  'objectFlags' in type && (Number(type.objectFlags) & ts.ObjectFlags.Reference) !== 0
const isLibrarys = ({ declarations = [] }: ts.Symbol): boolean =>
  declarations.some((one) => one.getSourceFile().fileName.includes('/node_modules/'))

/** The compiler lists members of unions in the order in which it met them: that of the alphabet changes with the API alone. */
function formatted(text: string): string {
  const file = ts.createSourceFile('api.d.ts', text, ts.ScriptTarget.Latest, true)
  const printer = ts.createPrinter({ removeComments: true })
  const sorted: ts.TransformerFactory<ts.SourceFile> = (context) => (source) => {
    const visit = (node: ts.Node): ts.Node => {
      const inner = ts.visitEachChild(node, visit, context)
      if (!ts.isUnionTypeNode(inner)) return inner
      const textOf = (one: ts.TypeNode) => printer.printNode(ts.EmitHint.Unspecified, one, source)
      const types = [...inner.types].map((type) => ({ type, key: textOf(type) }))
      types.sort((one, other) => (one.key < other.key ? -1 : 1))
      return context.factory.createUnionTypeNode(types.map(({ type }) => type))
    }
    return ts.visitEachChild(source, visit, context)
  }
  const { transformed } = ts.transform(file, [sorted])
  const [result = file] = transformed
  const biome = join(root, 'node_modules', '.bin', 'biome')
  return execFileSync(biome, ['format', '--stdin-file-path=api.d.ts'], {
    cwd: root,
    input: printer.printFile(result),
  }).toString()
}

if (import.meta.main) writeFileSync(reportFile, apiReport())
