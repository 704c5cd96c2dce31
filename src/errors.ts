import { visible } from './visible.ts'

/** Facts an error carries as fields, so that a test can assert them without reading prose. */
export interface GuestErrorFacts {
  /** What to do about it; becomes the last line of the message. */
  hint?: string | undefined
  cause?: unknown
  /** The option at fault, when the input was bad. */
  option?: string | undefined
  /** The named phase that was running, e.g. `'ssh banner'`. */
  phase?: string | undefined
  /** Milliseconds spent in that phase. */
  elapsedMs?: number | undefined
  /** The command that failed, on the host or in the guest. */
  command?: string | undefined
  exitCode?: number | undefined
  signal?: string | undefined
  stdout?: string | undefined
  stderr?: string | undefined
  timedOut?: boolean | undefined
  /** Whether its `cancelSignal` ended the command. */
  isCanceled?: boolean | undefined
  /** The command wrote more than `maxBuffer`. */
  isMaxBuffer?: boolean | undefined
  /** Whether a signal ended the command, regardless of the sender. */
  isTerminated?: boolean | undefined
  /** The error code of a file operation, as in Node's fs errors, e.g. `'ENOENT'`. */
  code?: string | undefined
  /** The file or folder at fault; on the host for a HostError, in the guest for a CommandError. */
  path?: string | undefined
  /** The last lines the guest wrote to its console. */
  consoleTail?: string | undefined
  /** The last state that was observed while waiting. */
  lastSeen?: string | undefined
  /** The number of attempts made while waiting. */
  attempts?: number | undefined
  /** `systemctl status` of the unit at fault. */
  status?: string | undefined
  /** The last lines of that unit's journal. */
  journal?: string | undefined
}

/** Lines of evidence quoted in a message; the fields keep everything. */
const QUOTED_LINES = 12
/** Characters of such a line, from its beginning. */
const QUOTED_LENGTH = 400
/** Characters of a field that a test runner is shown: the end of the text, or the beginning of a command. */
const SHOWN_LENGTH = 1000
/** Stack frames to capture: Node's default of ten rarely reaches from here to the line of the test. */
const FRAMES = 50

// Its fields are the facts passed to its constructor.
// eslint-disable-next-line @typescript-eslint/no-empty-object-type, @typescript-eslint/no-unsafe-declaration-merging
export interface GuestError extends Readonly<Omit<GuestErrorFacts, 'cause'>> {}

/**
 * The base class of all errors of this package. The first line of the message says what went wrong, the lines in between show the evidence
 * (stdout, stderr, console), and the last line says what to do. A bad option is a plain `GuestError` with `option` set. Control characters
 * appear as `\x1b` in the message and in the messages of causes; the fields hold the original text.
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export class GuestError extends Error {
  constructor(what: string, facts: GuestErrorFacts = {}) {
    const { cause, ...fields } = facts
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = Math.max(limit, FRAMES)
    super(visible(composeMessage(what, facts)), cause === undefined ? undefined : { cause: withVisibleText(cause) })
    Error.stackTraceLimit = limit
    Object.assign(this, Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)))
    // From the class, so that subclasses need no constructor.
    Object.defineProperty(this, 'name', { value: new.target.name, configurable: true })
  }

  /** What vitest (4.1, 5.1) and JSON print of the error: every field, shortened, because a program's log can have thousands of lines. */
  toJSON(): Record<string, unknown> {
    const own = Object.getOwnPropertyNames(this).map((name) => [name, shown(name, Reflect.get(this, name))])
    return Object.fromEntries(own) as Record<string, unknown>
  }
}

function shown(name: string, value: unknown): unknown {
  if (typeof value !== 'string' || value.length <= SHOWN_LENGTH || name === 'message' || name === 'stack') return value
  const left = `… (${value.length - SHOWN_LENGTH} more characters) …`
  return name === 'command' ? `${value.slice(0, SHOWN_LENGTH)}${left}` : `${left}${value.slice(-SHOWN_LENGTH)}`
}

/** The host lacks something, or refuses an operation. */
export class HostError extends GuestError {}
/** A disk image cannot be found, read, or built. */
export class ImageError extends GuestError {}
/** A bridge, TAP or address could not be set up, or a connection through the network failed. */
export class NetworkError extends GuestError {}
/** The machine started but did not become ready. */
export class BootError extends GuestError {}
/** The guest's sshd could not be reached, or refused the login. */
export class SshError extends GuestError {}
/** A command ran in the guest and failed. */
export class CommandError extends GuestError {}
/** A wait in a guest timed out, or cannot succeed. */
export class WaitError extends GuestError {}

/**
 * Adds the frames from the caller's await to the line of the test to an error that arrived with an event. V8 knows them only in the caller
 * (v8.dev/docs/stack-trace-api).
 * @param here an error created where those frames are
 */
export function withFrames(error: unknown, here = new GuestError('')): unknown {
  if (!(error instanceof Error)) return error
  const frames = here.stack?.match(/^ {4}at .*$/gm) ?? []
  error.stack = [error.stack, ...frames.filter((frame) => !error.stack?.includes(frame))].join('\n')
  return error
}

function composeMessage(what: string, facts: GuestErrorFacts): string {
  const { stdout, stderr, status, journal, consoleTail, hint } = facts
  const evidence = Object.entries({ status, journal, stdout, stderr, console: consoleTail }).flatMap(([name, text]) =>
    text?.trim() ? [`${name}:`, ...quoteLines(text)] : [],
  )
  return [what, ...evidence, ...(hint === undefined ? [] : [hint])].join('\n')
}

/** A cause is printed too, and may contain text from the guest, as errors of an SSH connection do. */
function withVisibleText(cause: unknown): unknown {
  for (let each = cause, depth = 0; each instanceof Error && depth < 8; each = each.cause, depth++) {
    const { message, stack = '' } = each
    if (visible(message) === message) continue
    Object.defineProperty(each, 'message', { value: visible(message) })
    Object.defineProperty(each, 'stack', { value: visible(stack) })
  }
  return cause
}

/** The last lines of a text of up to 100 MB, as messages show them. */
export function quoteLines(text: string): string[] {
  const end = text.slice(-QUOTED_LINES * 10 * QUOTED_LENGTH)
  const lines = end.trimEnd().split('\n').slice(-QUOTED_LINES)
  return lines.map((line) => {
    const text = line.trimEnd()
    return `  | ${text.length > QUOTED_LENGTH ? `${text.slice(0, QUOTED_LENGTH)} …` : text}`
  })
}
