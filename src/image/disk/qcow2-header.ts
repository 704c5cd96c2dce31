/** The contents of a qcow2 disk's first cluster (https://www.qemu.org/docs/master/interop/qcow2.html). */
export interface Qcow2Header {
  /** Bytes that a guest sees. */
  readonly size: number
  readonly clusterSize: number
  readonly tables: { readonly l1: Region; readonly refcounts: Region }
  /** `format` is undefined if the header does not state it. */
  readonly backing: { readonly name: string; readonly format: string | undefined } | undefined
  readonly hasDataFile: boolean
  readonly isEncrypted: boolean
  readonly isDirty: boolean
  readonly isCorrupt: boolean
  readonly snapshots: number
  readonly hasBitmaps: boolean
  /** The numbers of further bits among the incompatible features. */
  readonly oddFeatures: readonly number[]
}

/** Of the file, in bytes. */
export interface Region {
  readonly offset: number
  readonly bytes: number
}

/** The largest cluster that QEMU takes, in bytes. */
export const LARGEST_CLUSTER = 2 * 1024 * 1024
const V2_LENGTH = 72
const V3_LENGTH = 104
const LONGEST_NAME = 1023
/** Of the L1 table, in bytes (QCOW_MAX_L1_SIZE, block/qcow2.h). */
const LARGEST_L1 = 32 * 1024 * 1024
const EXTENSIONS = { end: 0, backingFormat: 0xe2792aca, dataFile: 0x44415441, bitmaps: 0x23852875, luks: 0x0537be77 }
const INCOMPATIBLE = { dirty: 0, corrupt: 1, dataFile: 2, compressionType: 3 }

/** The header is truncated or invalid; the message continues a sentence that begins with "it". */
export class Qcow2Error extends Error {}

/**
 * Reads an untrusted header: every number is checked before it is used.
 * @param head the first cluster, or the whole file if that is shorter
 * @throws Qcow2Error
 */
export function parseQcow2Header(head: Buffer): Qcow2Header {
  if (head.length < V2_LENGTH) throw new Qcow2Error('ends inside its header')
  const version = head.readUInt32BE(4)
  if (version !== 2 && version !== 3) throw new Qcow2Error(`has version ${version}; only 2 and 3 are supported`)
  if (version === 3 && head.length < V3_LENGTH) throw new Qcow2Error('ends inside its header')
  const clusterBits = head.readUInt32BE(20)
  if (clusterBits < 9 || clusterBits > 21) throw new Qcow2Error(`has clusters of 2^${clusterBits} bytes`)
  const clusterSize = 2 ** clusterBits
  const size = number64(head, 24, 'its size')
  const l1 = { offset: number64(head, 40, 'the L1 table'), bytes: head.readUInt32BE(36) * 8 }
  const refcounts = { offset: number64(head, 48, 'the refcount table'), bytes: head.readUInt32BE(56) * clusterSize }
  const described = Math.ceil(size / (clusterSize * (clusterSize / 8))) * 8
  if (l1.bytes > LARGEST_L1 || l1.bytes < described) throw new Qcow2Error('has an L1 table that does not fit its size')
  for (const { offset } of [l1, refcounts])
    if (offset % clusterSize !== 0) throw new Qcow2Error('has a misaligned table')

  const features = version === 3 ? bits(head.readBigUInt64BE(72)) : []
  const has = (bit: number) => features.includes(bit)
  const headerLength = version === 3 ? head.readUInt32BE(100) : V2_LENGTH
  const cluster = head.subarray(0, clusterSize)
  const extensions = readExtensions(cluster, headerLength)
  const name = backingName(cluster)
  const known: readonly number[] = Object.values(INCOMPATIBLE)
  return {
    size,
    clusterSize,
    tables: { l1, refcounts },
    backing: name === undefined ? undefined : { name, format: extensions.get(EXTENSIONS.backingFormat)?.toString() },
    hasDataFile: has(INCOMPATIBLE.dataFile) || extensions.has(EXTENSIONS.dataFile),
    isEncrypted: head.readUInt32BE(32) !== 0 || extensions.has(EXTENSIONS.luks),
    isDirty: has(INCOMPATIBLE.dirty),
    isCorrupt: has(INCOMPATIBLE.corrupt),
    snapshots: head.readUInt32BE(60),
    hasBitmaps: extensions.has(EXTENSIONS.bitmaps),
    oddFeatures: features.filter((bit) => !known.includes(bit)),
  }
}

function backingName(cluster: Buffer): string | undefined {
  const offset = number64(cluster, 8, "the backing file's name")
  if (offset === 0) return undefined
  const length = cluster.readUInt32BE(16)
  if (length > LONGEST_NAME || offset + length > cluster.length) throw new Qcow2Error('has a name outside its header')
  return cluster.toString('utf8', offset, offset + length)
}

/** They end with one of type 0, or with the cluster; QEMU also stops at the name of the backing file. */
function readExtensions(cluster: Buffer, from: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>()
  if (from < V2_LENGTH || from % 8 !== 0) throw new Qcow2Error('has a header of an impossible length')
  const end = Number(cluster.readBigUInt64BE(8)) || cluster.length
  for (let at = from; at + 8 <= Math.min(end, cluster.length);) {
    const type = cluster.readUInt32BE(at)
    const length = cluster.readUInt32BE(at + 4)
    if (type === EXTENSIONS.end) break
    if (at + 8 + length > cluster.length) throw new Qcow2Error('has a header extension that does not fit')
    found.set(type, cluster.subarray(at + 8, at + 8 + length))
    at += 8 + Math.ceil(length / 8) * 8
  }
  return found
}

function number64(from: Buffer, at: number, what: string): number {
  const value = from.readBigUInt64BE(at)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Qcow2Error(`has an impossible number for ${what}`)
  return Number(value)
}

function bits(mask: bigint): number[] {
  return Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => (mask >> BigInt(bit)) & 1n)
}
