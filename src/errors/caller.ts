import { fileURLToPath } from 'node:url'
import { GuestError } from '../errors.ts'

/** This package's own folders: src/ and fixtures/. */
const OWN = ['../', '../../fixtures/'].map((path) => fileURLToPath(new URL(path, import.meta.url)))

/** The frames of a stack that belong to the user of this package, innermost first. */
export function callerFrames(stack = ''): string[] {
  const frames = stack.match(/^ {4}at .*$/gm) ?? []
  return frames.filter(
    (frame) => !OWN.some((folder) => frame.includes(folder)) && !/node:|\/node_modules\//.test(frame),
  )
}

/** The line that called this package, as `/path/file.ts:3:7`, taken from the current stack. */
export function callerOf(stack = new GuestError('').stack): string | undefined {
  return /\(?((?:file:\/\/|\/)[^()]*:\d+:\d+)\)?$/.exec(callerFrames(stack)[0] ?? '')?.[1]?.replace(/^file:\/\//, '')
}
