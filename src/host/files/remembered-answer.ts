import { mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../environment.ts'

/** An answer that took an experiment to find, and what it depends on. */
interface Answer {
  readonly key: string
  readonly value?: string | undefined
  /** What is wrong; undefined when nothing is. */
  readonly fault?: string | undefined
}

/** In case the cache folder cannot be written. */
const ofThisProcess = new Map<string, Answer>()

/** The answer kept as `name` in the cache folder, if it was found under the same circumstances. */
export function recall(name: string, key: string): Answer | undefined {
  const answer = ofThisProcess.get(name) ?? read(fileFor(name))
  return answer?.key === key ? answer : undefined
}

/** @param keep whether other processes get it too */
export function remember(name: string, answer: Answer, keep = true): void {
  ofThisProcess.set(name, answer)
  if (!keep) return
  const path = fileFor(name)
  const aside = `${path}.${process.pid}`
  // A read-only or full cache folder costs only the next process its experiment.
  try {
    mkdirSync(cacheFolder(), { recursive: true })
    try {
      writeFileSync(aside, JSON.stringify(answer))
      renameSync(aside, path)
    } catch {
      unlinkSync(aside)
    }
  } catch {
    return
  }
}

function fileFor(name: string): string {
  return join(cacheFolder(), `${name}.json`)
}

function read(path: string): Answer | undefined {
  try {
    const answer: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isAnswer(answer) ? answer : undefined
  } catch {
    return undefined
  }
}

function isAnswer(value: unknown): value is Answer {
  if (typeof value !== 'object' || value === null || !('key' in value)) return false
  const texts = [value.key, 'fault' in value ? value.fault : '', 'value' in value ? value.value : '']
  return texts.every((text) => typeof text === 'string')
}
