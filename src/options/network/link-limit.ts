import { badOption } from '../../errors/bad-option.ts'
import { isPlainObject, refuseUnknown } from '../check.ts'

/** Limits of a link. */
export interface LinkLimit {
  /** Bits per second, each way, as tc(8) writes them: `'500kbit'`, `'10mbit'`, `'1gbit'`. */
  rate?: string
  /** Milliseconds added to each round trip. */
  latency?: number
  /** Milliseconds by which `latency` varies in either direction; at most `latency`. */
  jitter?: number
  /** Percentage of packets lost in one direction, at most 50; use `link.down()` to lose them all. */
  loss?: number
}

const UNITS: Readonly<Record<string, number>> = { kbit: 1e3, mbit: 1e6, gbit: 1e9 }
/** Bits per second; TCP does not work with less. */
const LOWEST_RATE = 8000
/** Percent. The SSH command that removes the limit must still get through. */
const MOST_LOSS = 50
/** Milliseconds that packets may queue before they are dropped. */
const QUEUE = 50

/** A checked limit, with its rate in bits per second. */
export type LinkLimitSpec = Readonly<Required<Omit<LinkLimit, 'rate'>>> & { readonly rate: number | undefined }

/** @throws GuestError naming the option, what was expected, and what was given */
export function resolveLinkLimit(limit: LinkLimit): LinkLimitSpec {
  if (!isPlainObject(limit)) {
    throw badOption('limit', 'an object', limit, "Write guest.link.limit({ rate: '10mbit', latency: 100 }).")
  }
  const {
    rate,
    latency = 0,
    jitter = 0,
    loss = 0,
  } = refuseUnknown<LinkLimit>(limit, ['rate', 'latency', 'jitter', 'loss'])
  const spec = {
    rate: rate === undefined ? undefined : bitsPerSecond(rate),
    latency: within('latency', latency, 60_000, 'milliseconds'),
    jitter: within('jitter', jitter, 60_000, 'milliseconds'),
    loss: within('loss', loss, MOST_LOSS, 'percent'),
  }
  if (spec.jitter > spec.latency) {
    throw badOption('jitter', `no more than latency (${spec.latency})`, jitter, 'Write { latency: 100, jitter: 20 }.')
  }
  return spec
}

function bitsPerSecond(rate: unknown): number {
  const match = typeof rate === 'string' ? /^(\d+(?:\.\d+)?)(kbit|mbit|gbit)$/.exec(rate) : undefined
  const [, digits = '', unit = ''] = match ?? []
  const bits = Math.round(Number(digits) * (UNITS[unit] ?? 0))
  if (bits >= LOWEST_RATE) return bits
  throw badOption('rate', "a bit rate with its unit, at least '8kbit'", rate, "Write rate: '10mbit'.")
}

function within(option: string, value: unknown, largest: number, unit: string): number {
  if (typeof value === 'number' && value >= 0 && value <= largest) return value
  throw badOption(option, `a number from 0 to ${largest} (${unit})`, value, `Write ${option}: 10.`)
}

/** Whether it needs netem; tbf only supports a rate. */
export function needsNetem({ latency, jitter, loss }: LinkLimitSpec): boolean {
  return latency > 0 || jitter > 0 || loss > 0
}

/** tc's words for everything in one direction. */
export function netemWords({ latency, jitter, loss, rate }: LinkLimitSpec): string[] {
  return [
    'netem',
    ...(latency > 0 ? ['delay', `${latency}ms`, ...(jitter > 0 ? [`${jitter}ms`] : [])] : []),
    ...(loss > 0 ? ['loss', `${loss}%`] : []),
    ...(rate === undefined ? [] : ['rate', `${rate}bit`]),
  ]
}

/** tc's words for a rate alone. The bucket holds 10 ms, and no less than a few packets. */
export function tbfWords(rate: number): string[] {
  const burst = Math.max(16_000, Math.round(rate / 8 / 100))
  return ['tbf', 'rate', `${rate}bit`, 'burst', `${burst}`, 'latency', `${QUEUE}ms`]
}
