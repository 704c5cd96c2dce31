import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { findTool, PACKAGE_OF, type Tool } from '../../../src/host/program/tools.ts'

/** A folder that everybody can read, gone when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vitest-guest-test-'))
  chmodSync(folder, 0o755)
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A value for PATH under which every tool of ours is found, except some. */
export function pathWithout(...names: Tool[]): string {
  const folder = temporaryFolder()
  for (const tool of Object.keys(PACKAGE_OF) as Tool[]) {
    const path = findTool(tool)
    if (path !== undefined && !names.includes(tool)) symlinkSync(path, join(folder, tool))
  }
  return folder
}

/** A program of that name that does as the shell script says; returns its path. */
export function standIn(name: string, script: string, folder = temporaryFolder()): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return path
}
