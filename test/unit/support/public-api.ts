import { join } from 'node:path'
import ts from 'typescript'

/** A type with members that the package exports. */
export interface PublicType {
  readonly name: string
  readonly members: readonly string[]
  /** Our types that it extends. */
  readonly from: readonly string[]
}

const ENTRIES = ['src/index.ts', 'fixtures/index.ts', 'fixtures/plugin.ts']

/** The package's exports according to the sources, so that new ones are included. */
export function publicApi(root: string, options: ts.CompilerOptions): { names: string[]; types: PublicType[] } {
  const entries = ENTRIES.map((path) => join(root, path))
  const program = ts.createProgram(entries, options)
  const checker = program.getTypeChecker()
  const exported = new Map<string, ts.Symbol>()
  for (const entry of entries) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(entry) as ts.SourceFile)
    for (const symbol of module ? checker.getExportsOfModule(module) : []) {
      exported.set(symbol.name, symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol)
    }
  }
  const types = [...exported].map(([name, symbol]): PublicType => {
    const type = checker.getDeclaredTypeOfSymbol(symbol)
    // For a union of a string and an object, the object's members.
    const properties = (type.isUnion() ? type.types : [type]).flatMap((each) => each.getProperties())
    const owners = properties.filter(isOurs).map((property) => [property.name, ownerOf(property)] as const)
    const others = owners.flatMap(([, owner]) => (owner !== name && exported.has(owner) ? [owner] : []))
    return {
      name,
      members: owners.flatMap(([member, owner]) => (owner === name || !exported.has(owner) ? [member] : [])),
      // The docs need not repeat what every error has.
      from: symbol.flags & ts.SymbolFlags.Class ? [] : [...new Set(others)],
    }
  })
  return {
    names: [...exported.keys()],
    types: types.filter(({ members, from }) => members.length > 0 || from.length > 0),
  }
}

/** Not a library's, not private, and not named by a symbol. */
function isOurs({ name, declarations: [declaration] = [] }: ts.Symbol): boolean {
  return declaration !== undefined && !/^(__|#)/.test(name) && !declaration.getSourceFile().isDeclarationFile
}

/** The interface, class or type that declares a member. */
function ownerOf({ declarations: [declaration] = [] }: ts.Symbol): string {
  const isNamed = (node: ts.Node) =>
    ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node) || ts.isTypeAliasDeclaration(node)
  const owner = ts.findAncestor(declaration, isNamed) as ts.DeclarationStatement | undefined
  return owner?.name?.text ?? ''
}
