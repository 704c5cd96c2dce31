import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { underLock } from '../host/program/lock.ts'
import { processUsing, userOf } from '../cache/user-of.ts'
import { templatesFolder } from './find-template.ts'

/** With `dryRun` nothing is removed. Each returns who is using or building it, if it therefore stays. */
type Removal = Promise<string | undefined>

export async function removeTemplate(key: string, { dryRun = false } = {}): Removal {
  const folder = join(templatesFolder(), key)
  return underLock(lockOf(key), async () => {
    const user = await userOf(folder)
    if (user !== undefined || dryRun) return user
    // Renamed first, so that it disappears at once; leftovers after a kill look like a dead build.
    const aside = `${folder}.building`
    await rm(aside, { recursive: true, force: true })
    await rename(folder, aside)
    await rm(aside, { recursive: true, force: true })
    return undefined
  })
}

export async function removeTemplateBuild(key: string, { dryRun = false } = {}): Removal {
  const folder = join(templatesFolder(), `${key}.building`)
  return underLock(lockOf(key), async () => {
    const user = await processUsing(folder)
    if (user === undefined && !dryRun) await rm(folder, { recursive: true, force: true })
    return user
  })
}

/** Removes a small file beside a template: its lock, or the note that it cannot exist. */
export async function removeBeside(name: string, { dryRun = false } = {}): Removal {
  return underLock(lockOf(name.slice(0, name.indexOf('.'))), async () => {
    if (!dryRun) await rm(join(templatesFolder(), name), { force: true })
    return undefined
  })
}

function lockOf(key: string): string {
  return join(templatesFolder(), `${key}.lock`)
}
