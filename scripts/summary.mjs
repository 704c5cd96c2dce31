// `node scripts/summary.mjs REPORT [DURATIONS]`: prints the ten slowest files and, last, `N passed, N failed[, N skipped]`, made
// from vitest's JSON report; exits 1 when anything failed or nothing ran.
import { existsSync, readFileSync } from 'node:fs'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'

/** @typedef {{ status: string, assertionResults: { status: string }[] }} FileResult */

/**
 * Counts tests. A file that failed with no failed test of its own (it could not be imported, say) counts as one
 * failure, and so does a report that says it failed without naming any test (an unhandled error).
 *
 * @param {{ success: boolean, testResults: FileResult[] }} report
 */
export function summarize({ success, testResults }) {
  const statuses = testResults.flatMap((file) => file.assertionResults.map((test) => test.status))
  const brokenFiles = testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  )
  const passed = statuses.filter((status) => status === 'passed').length
  const failedTests = statuses.filter((status) => status === 'failed').length + brokenFiles.length
  const failed = failedTests === 0 && !success && statuses.length > 0 ? 1 : failedTests
  const skipped = statuses.length - passed - statuses.filter((status) => status === 'failed').length
  const line = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
  return { line, ok: failed === 0 && passed > 0 }
}

/**
 * A line for each of the ten slowest files.
 *
 * @param {Record<string, number>} seconds of each file
 */
export function slowestFiles(seconds) {
  return Object.entries(seconds)
    .sort(([, one], [, other]) => other - one)
    .slice(0, 10)
    .map(([path, each]) => `${each.toFixed(1).padStart(7)} s  ${path}`)
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const report = readReport(argv[2] ?? '')
  if (argv[3] !== undefined && existsSync(argv[3])) {
    for (const each of slowestFiles(JSON.parse(readFileSync(argv[3], 'utf8')))) console.log(each)
  }
  const { line, ok } = summarize(report)
  console.log(line)
  process.exitCode = ok ? 0 : 1
}

/** @param {string} path @returns {{ success: boolean, testResults: FileResult[] }} */
function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    console.error(`No test report: ${error instanceof Error ? error.message : String(error)}`)
    return { success: false, testResults: [] }
  }
}
