import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { findTool, PACKAGE_OF, type Tool } from '../../../src/host/program/tools.ts'

/** A folder that everybody can read, until the end of the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vitest-guest-test-'))
  chmodSync(folder, 0o755)
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A value for PATH with all our tools, except some. */
export function pathWithout(...names: Tool[]): string {
  const folder = temporaryFolder()
  for (const tool of Object.keys(PACKAGE_OF) as Tool[]) {
    const path = findTool(tool)
    if (path !== undefined && !names.includes(tool)) symlinkSync(path, join(folder, tool))
  }
  return folder
}

/** Creates a program of that name from a shell script; returns its path. */
export function standIn(name: string, script: string, folder = temporaryFolder()): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return path
}
