import { median } from './median.ts'
import { seconds, type Results } from './report.ts'

const WIDTH = 720
const LEFT = 220
const BAR = 26
const GAP = 14
const LONGEST = WIDTH - LEFT - 90

/** The starts as bars, on a logarithmic scale, which is labelled as such. */
export function chart({ starts, accel, cpus }: Results): string {
  if (!starts) throw new TypeError('There is nothing to draw without the starts')
  const bars = [
    { name: 'by hand', ms: median(starts.byHand), color: '#9a8f97' },
    { name: 'vitest-guest, cold', ms: median(starts.cold), color: '#5b8e7d' },
    { name: 'template build, once', ms: median(starts.build), color: '#5b8e7d' },
    { name: 'vitest-guest, warm', ms: median(starts.warm), color: '#2f6690' },
    { name: 'floor (QEMU and ssh2 alone)', ms: median(starts.floor), color: '#9a8f97' },
  ]
  const least = Math.log10(Math.min(...bars.map(({ ms }) => ms)) / 2)
  const most = Math.log10(Math.max(...bars.map(({ ms }) => ms)))
  const length = (ms: number) => ((Math.log10(ms) - least) / (most - least)) * LONGEST
  const rows = bars.map(({ name, ms, color }, index) => {
    const y = 50 + index * (BAR + GAP)
    const middle = y + BAR / 2 + 5
    return `  <text x="${LEFT - 10}" y="${middle}" text-anchor="end">${name}</text>
  <rect x="${LEFT}" y="${y}" width="${length(ms).toFixed(1)}" height="${BAR}" rx="3" fill="${color}"/>
  <text x="${(LEFT + length(ms) + 8).toFixed(1)}" y="${middle}">${seconds(ms)}</text>`
  })
  const height = 50 + bars.length * (BAR + GAP) + 10
  const how = `${accel === 'kvm' ? 'KVM' : 'emulation, no KVM'}, ${cpus} cores; medians, logarithmic scale`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="14" fill="#333">
  <title>Time to a connected SSH client</title>
  <rect width="${WIDTH}" height="${height}" fill="#fff"/>
  <text x="${LEFT}" y="28" font-size="16" font-weight="bold">Time to a connected SSH client</text>
  <text x="${WIDTH - 12}" y="${height - 6}" font-size="11" text-anchor="end" fill="#777">${how}</text>
${rows.join('\n')}
</svg>
`
}
