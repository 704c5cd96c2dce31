import { spawn } from 'node:child_process'

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null, tail: string }} Ended */

/** npm starts a shell that starts us. A signal to npm ends that shell, and is not passed on (npm 11.19). */
const startedByNpm = process.env['npm_lifecycle_event'] !== undefined
const parent = process.ppid

/**
 * Runs a program to its end and passes signals on to it.
 *
 * With `onLine` its output is read line by line and the last lines are kept for the error message; without, it has
 * the terminal.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, onLine?: (line: string) => void }} [options]
 * @returns {Promise<Ended>}
 */
export function runChild(file, args, { env = process.env, onLine } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: onLine ? ['ignore', 'pipe', 'pipe'] : 'inherit' })
    const restore = passSignalsTo(child)
    const tail = onLine ? keepTail(child, onLine) : () => ''
    child.once('error', (error) => {
      restore()
      reject(error)
    })
    child.once('close', (code, signal) => {
      restore()
      resolve({ code, signal, tail: tail() })
    })
  })
}

/**
 * Ends this process the way its child ended, so that a shell sees the same exit code or signal.
 * @param {Pick<Ended, 'code' | 'signal'>} ended
 */
export function endLike({ code, signal }) {
  if (signal) process.kill(process.pid, signal)
  else process.exitCode = code ?? 1
}

/** @param {import('node:child_process').ChildProcess} child */
function passSignalsTo(child) {
  /** @type {Set<NodeJS.Signals>} */
  const sent = new Set()
  /** @param {NodeJS.Signals} signal */
  const pass = (signal) => {
    // Ctrl-C in a terminal reaches the whole process group, with the child, and npm sends it to us again. Vitest
    // takes a second one as "stop at once", so pass on none in a terminal, and one elsewhere.
    const hasIt = sent.has(signal) || (signal === 'SIGINT' && process.stdin.isTTY)
    sent.add(signal)
    if (!hasIt) child.kill(signal)
  }
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, pass)
  const watch = setInterval(() => {
    if (startedByNpm && process.ppid !== parent) pass('SIGTERM')
  }, 500)
  return () => {
    clearInterval(watch)
    for (const signal of signals) process.off(signal, pass)
  }
}

const TAIL_LINES = 30

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {(line: string) => void} onLine
 */
function keepTail(child, onLine) {
  /** @type {string[]} */
  const lines = []
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream?.setEncoding('utf8').on('data', (chunk) => {
      const parts = (rest + chunk).split(/[\r\n]+/)
      rest = parts.pop() ?? ''
      for (const line of parts.filter(Boolean)) {
        lines.push(line)
        if (lines.length > TAIL_LINES) lines.shift()
        onLine(line)
      }
    })
  }
  return () => lines.join('\n')
}
