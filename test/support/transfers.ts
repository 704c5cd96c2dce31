import { readdir } from 'node:fs/promises'
import { expect } from 'vitest'
import { GuestError, type Guest } from '../../src/index.ts'

export async function failure(work: Promise<unknown>): Promise<GuestError> {
  const error: unknown = await work.then(
    () => 'it did not fail',
    (reason: unknown) => reason,
  )
  if (error instanceof GuestError) return error
  throw error
}

/** Nothing unfinished of ours is left, neither in the guest nor in `host`, a folder here. */
export async function expectNothingLeft(guest: Guest, host: string): Promise<void> {
  expect((await guest.$`find /t /small /root -name '.vitest-guest-*'`).stdout).toBe('')
  expect((await readdir(host, { recursive: true })).filter((name) => name.includes('.vitest-guest-'))).toEqual([])
}
