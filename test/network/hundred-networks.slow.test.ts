import { expect, onTestFinished, test } from 'vitest'
import { hostRecords } from '../support/host-records.ts'
import { leftoversAfter, ownInterfaces, ownTemporaryFolder } from '../support/leftovers.ts'
import { networkNamespace, openElsewhere } from '../support/network-namespace.ts'

/** Of each owner; one more is open when the owner is killed. */
const NETWORKS = 9

/** Runs in the owner: opens and closes networks one after the other. */
const LOOP = (kind: string) => `
  for (let made = 0; made < ${NETWORKS}; made++) {
    const { error } = await another({ kind: '${kind}' })
    if (error) return error.message
  }
  return 'made'`

function records(pids: readonly (number | undefined)[]): string[] {
  const isOfOne = ({ text }: { text: string }) => pids.some((pid) => text.includes(`"owner":${pid},`))
  return hostRecords()
    .filter(isOfOne)
    .map(({ path }) => path)
}

/** The number of owners by kind; a hundred networks of the default kind. */
const LOOPS = [
  ['private', 10],
  ['host', 4],
  ['user', 2],
] as const

test.for(LOOPS)(
  `of kind %s, ${NETWORKS + 1} networks of each of %s owners leave nothing behind when the owners are killed`,
  async ([kind, loops]) => {
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
    for (let made = 0; made < loops; made += 2) pids.push(...(await Promise.all([loop(), loop()])))
    expect(await leftoversAfter(folder.path)).toEqual([])
    expect(await namespace.interfaces()).toEqual([])
    if (kind === 'host') expect(records(pids)).toEqual([])
    expect(await ownInterfaces()).toEqual(before)
  },
)
