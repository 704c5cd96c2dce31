import { expect, onTestFinished, test } from 'vitest'
import { networkNamespace } from '../support/network-namespace.ts'
import { runProject } from '../support/run-project.ts'

const TESTS = 9

test.for(['private', 'user', 'host'] as const)('the same suite passes on a network of kind %s', async (kind) => {
  // A network of the host is made in no namespace but a test's own.
  const namespace = await networkNamespace()
  onTestFinished(() => namespace[Symbol.asyncDispose]())
  const inside = kind === 'host' ? namespace.inside : undefined
  const { report, stdout, left } = await runProject('kinds', [], { KIND: kind }, inside)
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: TESTS })
  expect(left).toEqual([])
  expect(await namespace.interfaces()).toEqual([])
})
