/**
 * What the package exports, entry by entry: every name with its declaration, and the types that these mention. `npm run api` writes
 * it to `api.txt`, so that a change of the public API is a change of a file, which a review sees.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { entries, root } from './manifest.ts'

export const reportFile = join(root, 'test', 'package', 'api.txt')

/** `isType`: exported as a type only, so that a class has no constructor for whoever imports it. */
type Named = { readonly name: string; readonly symbol: ts.Symbol; readonly isType: boolean }

export function apiReport(): string {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8'))
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  const files = entries.map(({ source }) => join(root, source))
  const emitting = { noEmit: false, declaration: true, emitDeclarationOnly: true, removeComments: true }
  const program = ts.createProgram({ rootNames: files, options: { ...options, ...emitting } })
  const checker = program.getTypeChecker()
  const declared = declarationsOf(program)

  const known = new Set<ts.Symbol>()
  const modules = entries.map(({ specifier, source }) => {
    const exported = exportsOf(program, join(root, source))
    for (const { symbol } of exported) known.add(symbol)
    return { specifier, exported }
  })
  const text = modules.map(({ specifier, exported }) => {
    const printed = exported.map((one) => `export ${declared(one)}`)
    // Of the types they mention, those that nobody can import: their change is one of the API too.
    const inside: string[] = []
    const queue = [...exported]
    for (const one of queue) {
      for (const symbol of mentionedBy(checker, one)) {
        if (known.has(symbol)) continue
        known.add(symbol)
        const found = { name: symbol.name, symbol, isType: true }
        queue.push(found)
        inside.push(declared(found))
      }
    }
    return `declare module '${specifier}' {\n${[...printed, ...inside.sort()].join('\n')}\n}\n`
  })
  return formatted(text.join('\n'))
}

function exportsOf(program: ts.Program, path: string): readonly Named[] {
  const checker = program.getTypeChecker()
  const file = program.getSourceFile(path)
  const module = file && checker.getSymbolAtLocation(file)
  if (module === undefined) throw new Error(`${path} is no module`)
  const exported = checker.getExportsOfModule(module).map((symbol) => {
    const isType = symbol.declarations?.some((one) => ts.isExportSpecifier(one) && ts.isTypeOnlyExportDeclaration(one))
    return { name: symbol.name, symbol: targetOf(checker, symbol), isType: isType === true }
  })
  return exported.sort((one, other) => (one.name < other.name ? -1 : 1))
}

const targetOf = (checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol

/** Prints declarations as the compiler emits them for their file; types that are derived of a value (a schema, a list) written out. */
function declarationsOf(program: ts.Program): (named: Named) => string {
  const checker = program.getTypeChecker()
  const printer = ts.createPrinter({ removeComments: true })
  const emitted = new Map<ts.SourceFile, ts.SourceFile>()
  const emit = (file: ts.SourceFile): ts.SourceFile => {
    let text = ''
    const keep = (_path: string, written: string): void => {
      text = written
    }
    program.emit(file, keep, undefined, true)
    const made = ts.createSourceFile(`${file.fileName}.d.ts`, text, ts.ScriptTarget.Latest, true)
    emitted.set(file, made)
    return made
  }
  return ({ name, symbol, isType }) => {
    const [declaration] = symbol.declarations ?? []
    if (declaration === undefined) throw new Error(`${name} has no declaration`)
    if (ts.isTypeAliasDeclaration(declaration) && isDerived(declaration)) {
      const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope
      const type = checker.getDeclaredTypeOfSymbol(symbol)
      return `type ${name} = ${checker.typeToString(type, undefined, flags | ts.TypeFormatFlags.InTypeAlias)}`
    }
    const source = declaration.getSourceFile()
    const file = emitted.get(source) ?? emit(source)
    const texts = file.statements.flatMap((statement) => {
      const print = (node: ts.Node) => printer.printNode(ts.EmitHint.Unspecified, node, file)
      if (ts.isVariableStatement(statement)) {
        const found = statement.declarationList.declarations.filter((one) => one.name.getText() === symbol.name)
        return found.map((one) => `const ${print(one)}`)
      }
      const isIt =
        (ts.isDeclarationStatement(statement) || ts.isClassDeclaration(statement)) &&
        statement.name?.getText() === symbol.name
      if (!isIt) return []
      return [
        print(ts.isClassDeclaration(statement) ? withoutPrivate(statement, isType) : statement)
          .replace(/^export /, '')
          .replace(/^declare /, ''),
      ]
    })
    if (texts.length === 0) throw new Error(`${source.fileName} declares no ${symbol.name}`)
    return texts.join('\nexport ')
  }
}

function withoutPrivate(node: ts.ClassDeclaration, isType: boolean): ts.ClassDeclaration {
  const members = node.members.filter(
    (member) =>
      !(member.name && ts.isPrivateIdentifier(member.name)) && !(isType && ts.isConstructorDeclaration(member)),
  )
  const { modifiers, name, typeParameters, heritageClauses } = node
  return ts.factory.updateClassDeclaration(node, modifiers, name, typeParameters, heritageClauses, members)
}

/** Of a schema or a list, by `typeof`. What is just the type of a value that is exported beside it is no news. */
function isDerived({ type, typeParameters }: ts.TypeAliasDeclaration): boolean {
  const has = (node: ts.Node): boolean =>
    ts.isTypeQueryNode(node) || ts.forEachChild(node, (child) => has(child) || undefined) === true
  return typeParameters === undefined && !ts.isTypeQueryNode(type) && has(type)
}

/** The types of this project that a declaration mentions, one step deep. */
function mentionedBy(checker: ts.TypeChecker, { symbol, isType }: Named): ReadonlySet<ts.Symbol> {
  const { Class, Interface, TypeAlias } = ts.SymbolFlags
  const found = new Set<ts.Symbol>()
  const note = (mentioned: ts.Symbol | undefined): void => {
    const target = mentioned && targetOf(checker, mentioned)
    if (target !== undefined && target !== symbol && target.flags & (Class | Interface | TypeAlias) && isOurs(target))
      found.add(target)
  }
  const visit = (node: ts.Node): void => {
    if (ts.isBlock(node) || (node.parent && 'initializer' in node.parent && node.parent.initializer === node)) return
    if (ts.isClassElement(node) && node.name !== undefined && ts.isPrivateIdentifier(node.name)) return
    if (isType && ts.isConstructorDeclaration(node)) return
    if (ts.isTypeReferenceNode(node)) note(checker.getSymbolAtLocation(node.typeName))
    if (ts.isExpressionWithTypeArguments(node)) note(checker.getSymbolAtLocation(node.expression))
    ts.forEachChild(node, visit)
  }
  for (const declaration of symbol.declarations ?? []) visit(declaration)
  return found
}

const isOurs = ({ declarations = [] }: ts.Symbol): boolean =>
  declarations.some(
    (one) => !one.getSourceFile().fileName.includes('/node_modules/') && !ts.isTypeParameterDeclaration(one),
  )

/** The compiler lists members of unions in the order in which it met them; that of the alphabet changes with the API alone. */
function formatted(text: string): string {
  const file = ts.createSourceFile('api.d.ts', text, ts.ScriptTarget.Latest, true)
  const printer = ts.createPrinter()
  const sorted: ts.TransformerFactory<ts.SourceFile> = (context) => (source) => {
    const visit = (node: ts.Node): ts.Node => {
      const inner = ts.visitEachChild(node, visit, context)
      if (!ts.isUnionTypeNode(inner)) return inner
      const types = inner.types.map((type) => ({ type, key: printer.printNode(ts.EmitHint.Unspecified, type, source) }))
      types.sort((one, other) => (one.key < other.key ? -1 : 1))
      return context.factory.createUnionTypeNode(types.map(({ type }) => type))
    }
    return ts.visitEachChild(source, visit, context)
  }
  const { transformed } = ts.transform(file, [sorted])
  const [result = file] = transformed
  const biome = join(root, 'node_modules', '.bin', 'biome')
  const input = printer.printFile(result)
  return execFileSync(biome, ['format', '--stdin-file-path=api.d.ts'], { cwd: root, input }).toString()
}

if (import.meta.main) writeFileSync(reportFile, apiReport())
