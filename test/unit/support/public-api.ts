import { join } from 'node:path'
import ts from 'typescript'

/** A type with members that one can have from the package. */
export interface PublicType {
  readonly name: string
  /** Its own. */
  readonly members: readonly string[]
  /** The types of ours that it has the others from. */
  readonly from: readonly string[]
}

const ENTRIES = ['src/index.ts', 'fixtures/index.ts', 'fixtures/plugin.ts']

/** What the package exports, by the sources, so that a new one is there too. */
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
    // Of one that is a text or an object, what the object holds.
    const properties = (type.isUnion() ? type.types : [type]).flatMap((each) => each.getProperties())
    const owners = properties.filter(isOurs).map((property) => [property.name, ownerOf(property)] as const)
    const others = owners.flatMap(([, owner]) => (owner !== name && exported.has(owner) ? [owner] : []))
    return {
      name,
      members: owners.flatMap(([member, owner]) => (owner === name || !exported.has(owner) ? [member] : [])),
      // An error of a kind adds nothing to what every error has.
      from: symbol.flags & ts.SymbolFlags.Class ? [] : [...new Set(others)],
    }
  })
  return {
    names: [...exported.keys()],
    types: types.filter(({ members, from }) => members.length > 0 || from.length > 0),
  }
}

/** Neither of a library, nor private, nor named by a symbol. */
function isOurs({ name, declarations: [declaration] = [] }: ts.Symbol): boolean {
  return declaration !== undefined && !/^(__|#)/.test(name) && !declaration.getSourceFile().isDeclarationFile
}

/** The interface, class or type that a member is written in. */
function ownerOf({ declarations: [declaration] = [] }: ts.Symbol): string {
  const isNamed = (node: ts.Node) =>
    ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node) || ts.isTypeAliasDeclaration(node)
  const owner = ts.findAncestor(declaration, isNamed) as ts.DeclarationStatement | undefined
  return owner?.name?.text ?? ''
}
