import { GuestError } from '../errors.ts'

/**
 * What JSON does not escape but PyYAML refuses ("unacceptable character": DEL, C1 controls, U+FFFE, U+FFFF) or takes
 * for a line break and folds (U+0085, U+2028, U+2029). Surrogate pairs are not escaped: PyYAML does not join
 * escaped ones.
 */
const NOT_FOR_YAML = /[\u007f-\u009f\u2028\u2029\ufffe\uffff]/g

/** JSON that every YAML reader reads as the same value. @throws GuestError for what has no JSON: a BigInt, a cycle */
export function toYaml(value: unknown): string {
  try {
    return JSON.stringify(value).replace(
      NOT_FOR_YAML,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
  } catch (cause) {
    throw new GuestError(`Option \`cloudConfig\` must be plain data; ${(cause as Error).message.split('\n')[0]}`, {
      option: 'cloudConfig',
      hint: 'Use only strings, numbers, booleans, null, arrays and plain objects: the value is written as YAML.',
      cause,
    })
  }
}
