import { badOption } from '../errors/bad-option.ts'

/** With less, Debian's kernel fails ("Initramfs unpacking failed: write error"). */
const LEAST_MIB = 192
const MIB_PER_UNIT = { M: 1, G: 1024 } as const

/** `'512M'` or `'2G'` (also `MiB`, `GiB`, `MB`, `GB`: powers of 1024, as QEMU counts) in MiB. */
export function memoryMib(memory: unknown): number {
  const match = typeof memory === 'string' ? /^(\d+)\s*([MG])(?:i?B)?$/i.exec(memory) : null
  if (!match) throw badOption('memory', "a size with its unit, such as '512M' or '2G'", memory, hintFor(memory))
  const mib = Number(match[1]) * MIB_PER_UNIT[match[2]?.toUpperCase() as 'M' | 'G']
  if (mib >= LEAST_MIB) return mib
  const hint = "Debian's kernel does not start in less; try memory: '512M'."
  throw badOption('memory', `at least ${LEAST_MIB}M`, memory, hint)
}

function hintFor(memory: unknown): string {
  const digits = typeof memory === 'number' || typeof memory === 'string' ? `${memory}` : ''
  return /^\d+$/.test(digits) ? `If you meant MiB, write memory: '${digits}M'.` : "Write memory: '512M'."
}
