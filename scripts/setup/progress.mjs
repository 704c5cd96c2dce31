const terminal = process.stderr.isTTY
/** Milliseconds between signs of life of a phase: redrawn in a terminal, a new line elsewhere. */
const INTERVAL_MS = terminal ? 1_000 : 10_000
/** Milliseconds; a phase that finds everything in place ends sooner, and prints nothing. */
export const QUIET_MS = 1_000

/**
 * Runs `work` as phase `n/m`: prints what starts, its progress, and how long it took. Goes to stderr, so
 * that the output of the work that follows can be piped.
 *
 * @template T
 * @param {{ number: string, name: string, about?: string }} phase
 * @param {(say: (status: string) => void) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function phase({ number, name, about = '' }, work) {
  const started = performance.now()
  const elapsed = () => seconds(performance.now() - started)
  const label = `[${number}] ${name}`
  let status = about
  const draw = () => print(`${label}: ${[status, elapsed()].filter(Boolean).join(', ')}`, terminal)
  let timer = setTimeout(() => {
    print(`${label}${about && `: ${about}`} …`, terminal)
    timer = setInterval(draw, INTERVAL_MS)
  }, QUIET_MS)
  try {
    const result = await work((text) => (status = text))
    if (performance.now() - started > QUIET_MS) print(`${label}: done in ${elapsed()}`)
    return result
  } catch (error) {
    print(`${label}: failed after ${elapsed()}`)
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** @param {number} milliseconds */
export function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`
}

/** @param {string} message */
export function note(message) {
  print(message)
}

/** @param {string} line @param {boolean} [keepOpen] overwritten by the next line */
function print(line, keepOpen = false) {
  process.stderr.write(`${terminal ? '\r\u001B[2K' : ''}${line}${keepOpen ? '' : '\n'}`)
}
