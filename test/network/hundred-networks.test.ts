import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { RECORDS } from '../../src/network/host-record.ts'
import { leftoversAfter, ownInterfaces, ownTemporaryFolder } from '../support/leftovers.ts'
import { networkNamespace, openElsewhere } from '../support/network-namespace.ts'

const LOOPS = 10
/** In each loop; one more is open when its owner is killed. */
const NETWORKS = 9

/** Runs in the owner: networks one after the other, of which none is left. */
const LOOP = (kind: string) => `
  for (let made = 0; made < ${NETWORKS}; made++) {
    const { error } = await another({ kind: '${kind}' })
    if (error) return error.message
  }
  return 'made'`

function records(pids: readonly (number | undefined)[]): string[] {
  return readdirSync(RECORDS).filter((name) => {
    const text = readFileSync(join(RECORDS, name), 'utf8')
    return pids.some((pid) => text.includes(`"owner":${pid},`))
  })
}

test.for(['private', 'host', 'user'] as const)(
  `of kind %s, ${LOOPS * (NETWORKS + 1)} networks leave nothing when the owners of ${LOOPS} of them are killed`,
  async (kind) => {
    const before = await ownInterfaces()
    const namespace = await networkNamespace()
    onTestFinished(() => namespace[Symbol.asyncDispose]())
    await using folder = await ownTemporaryFolder()
    const loop = async () => {
      const owner = await openElsewhere({ kind }, namespace.inside, { TMPDIR: folder.path })
      expect(owner.opened.error).toBeUndefined()
      expect(await owner.evaluate(LOOP(kind))).toBe('made')
      await owner.kill('SIGKILL')
      return owner.opened.pid
    }
    const pids: (number | undefined)[] = []
    // Two at a time, so that they race for names and subnets.
    for (let made = 0; made < LOOPS; made += 2) pids.push(...(await Promise.all([loop(), loop()])))
    expect(await leftoversAfter(folder.path, 5000)).toEqual([])
    expect(await namespace.interfaces()).toEqual([])
    if (kind === 'host') expect(records(pids)).toEqual([])
    expect(await ownInterfaces()).toEqual(before)
  },
)
