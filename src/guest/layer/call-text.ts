import { readFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GuestError } from '../../errors.ts'

/** This package's own sources. */
const OWN = fileURLToPath(new URL('../../', import.meta.url))

/** A call in a source file, both as the user wrote them. */
export interface CallSite {
  /** `guests/app.ts:3`, relative to the working folder if it is below that. */
  readonly place: string
  /** Its second argument, when that is a function written there; else all of the file. */
  readonly text: string
}

/**
 * The call of this package that is being made, as it is on the disk. A function's own `toString()` would not do: the same one is another
 * text in vitest's config, which is bundled, in its workers, which transform what they import, and where coverage is measured.
 */
export function callSite(): CallSite | undefined {
  const frames = new GuestError('').stack?.match(/^ {4}at .*$/gm) ?? []
  const frame = frames.find((each) => !each.includes(OWN)) ?? ''
  const [, where = '', line = '', column = ''] = /\(?((?:file:\/\/|\/)[^()]*?):(\d+):(\d+)\)?$/.exec(frame) ?? []
  const path = (where.startsWith('file:') ? fileURLToPath(where) : where).replace(/\?.*$/, '')
  try {
    const at = original({ path, line: Number(line), column: Number(column) })
    const source = readFileSync(at.path, 'utf8')
    const name = relative(process.cwd(), at.path)
    const place = `${name.startsWith('..') || isAbsolute(name) ? at.path : name}:${at.line}`
    return { place, text: functionAt(source, offsetOf(source, at)) ?? source }
  } catch {
    return undefined
  }
}

/** A place in a file; both count from one. */
interface Position {
  readonly path: string
  readonly line: number
  readonly column: number
}

const INLINE_MAP = /^\/\/# sourceMappingURL=data:application\/json;[^,\n]*base64,([\w+/=]+)\s*$/m

/** What vite bundles a config of has its map in it. */
function original(position: Position): Position {
  const { path, line, column } = position
  const [, map] = INLINE_MAP.exec(readFileSync(path, 'utf8')) ?? []
  if (map === undefined) return position
  const payload = JSON.parse(Buffer.from(map, 'base64').toString()) as SourceMapPayload
  const found = new SourceMap(payload).findEntry(line - 1, column - 1)
  if (!('originalSource' in found)) return position
  const { originalSource: source, originalLine, originalColumn } = found
  const from = source.startsWith('file:') ? fileURLToPath(source) : resolve(dirname(path), source)
  return { path: from, line: originalLine + 1, column: originalColumn + 1 }
}

function offsetOf(source: string, { line, column }: Position): number {
  let start = 0
  for (let count = 1; count < line; count++) start = source.indexOf('\n', start) + 1
  return start + column - 1
}

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }
/** What a slash after it begins: a regular expression, as no value ends there. */
const BEFORE_EXPRESSION = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|await|yield))\s*$/

/** The text of the function that is the second argument of the call at `offset`; undefined when it is not written there. */
export function functionAt(source: string, offset: number): string | undefined {
  const open = source.indexOf('(', offset)
  if (open === -1) return undefined
  let start: number | undefined
  for (let at = open + 1; at < source.length && source[at] !== ')';) {
    if (source[at] === ',') start ??= at + 1
    const next = skip(source, at)
    if (next === undefined) return undefined
    at = next
    if (source[at] !== ')' || start === undefined) continue
    const text = source.slice(start, at).trim().replace(/,$/, '')
    return /=>|\bfunction\b/.test(text) ? text : undefined
  }
  return undefined
}

/** The end of what is opened at `start`, behind its closing bracket. */
function endOf(source: string, start: number): number | undefined {
  const closing = CLOSING[source[start] as string]
  for (let at = start + 1; at < source.length; at++) {
    const character = source[at] as string
    if (character === closing) return at + 1
    const next = skip(source, at)
    if (next === undefined) return undefined
    at = next - 1
  }
  return undefined
}

/** Behind a bracket with all that is in it, a text, a comment, or a regular expression; else behind one character. */
function skip(source: string, at: number): number | undefined {
  const character = source[at] as string
  if (character in CLOSING) return endOf(source, at)
  if (character === '"' || character === "'") return endOfText(source, at, character)
  if (character === '`') return endOfTemplate(source, at)
  if (character !== '/') return at + 1
  if (source[at + 1] === '/') return endAfter(source, '\n', at)
  if (source[at + 1] === '*') return endAfter(source, '*/', at + 2)
  return BEFORE_EXPRESSION.test(source.slice(Math.max(0, at - 40), at)) ? endOfPattern(source, at) : at + 1
}

function endAfter(source: string, mark: string, from: number): number | undefined {
  const found = source.indexOf(mark, from)
  return found === -1 ? undefined : found + mark.length
}

function endOfText(source: string, start: number, quote: string): number | undefined {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === quote) return at + 1
  }
  return undefined
}

function endOfTemplate(source: string, start: number): number | undefined {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === '`') return at + 1
    else if (source.startsWith('${', at)) {
      const end = endOf(source, at + 1)
      if (end === undefined) return undefined
      at = end - 1
    }
  }
  return undefined
}

function endOfPattern(source: string, start: number): number | undefined {
  let isClass = false
  for (let at = start + 1; at < source.length && source[at] !== '\n'; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === '[') isClass = true
    else if (source[at] === ']') isClass = false
    else if (source[at] === '/' && !isClass) return at + 1
  }
  return undefined
}
