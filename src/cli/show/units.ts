const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
const TIMES = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [0, 's'],
] as const

/** `430 MiB`, `1.2 GiB`. */
export function sizeText(bytes: number): string {
  let value = bytes
  let unit = 0
  for (; value >= 1000 && unit < SIZES.length - 1; unit++) value /= 1024
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${SIZES[unit]}`
}

/** `40 s`, `3 h`, `12 d`: in the largest unit of which there is at least one. */
export function durationText(ms: number): string {
  const [size, unit] = TIMES.find(([least]) => ms >= least) ?? [0, 's']
  return `${Math.max(0, Math.floor(ms / (size || 1000)))} ${unit}`
}
