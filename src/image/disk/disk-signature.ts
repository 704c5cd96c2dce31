/** Bytes of a file's beginning that the signatures below need. */
export const SIGNATURE_BYTES = 34_816

type Signature = readonly [offset: number, bytes: string, name: string]

/** Magic numbers, in latin-1, of formats that have to be converted. */
const CONVERTIBLE: readonly Signature[] = [
  [0, 'KDMV', 'a VMDK disk'],
  [0, '# Disk DescriptorFile', 'a VMDK disk'],
  [0, 'vhdxfile', 'a VHDX disk'],
  [0, 'conectix', 'a VHD disk'],
  [0, 'QED\0', 'a QED disk'],
  [64, '\x7f\x10\xda\xbe', 'a VDI disk'],
]
const COMPRESSED: readonly Signature[] = [
  [0, '\x1f\x8b', 'gzip'],
  [0, '\xfd7zXZ\0', 'xz'],
  [0, '\x28\xb5\x2f\xfd', 'zstd'],
  [0, 'BZh', 'bzip2'],
  [0, 'PK\x03\x04', 'zip'],
]
/** Signs of a raw disk: a boot sector, a GPT without one, or a file system on the whole disk. */
const RAW: readonly Signature[] = [
  [510, '\x55\xaa', 'boot sector'],
  [512, 'EFI PART', 'GPT'],
  [0x438, '\x53\xef', 'ext4'],
  [0, 'XFSB', 'xfs'],
  [32_769, 'CD001', 'ISO 9660'],
]
const QCOW2: Signature = [0, 'QFI\xfb', 'qcow2']

export type Looks =
  | { readonly format: 'qcow2' | 'raw' }
  | { readonly format?: never; readonly like: string; readonly convertible?: boolean; readonly compression?: string }

/** The type of a file, according to its first bytes. */
export function looksLike(head: Buffer): Looks {
  const find = (signatures: readonly Signature[]) =>
    signatures.find(([offset, bytes]) => head.toString('latin1', offset, offset + bytes.length) === bytes)
  if (find([QCOW2])) return { format: 'qcow2' }
  const convertible = find(CONVERTIBLE)
  if (convertible) return { like: convertible[2], convertible: true }
  const compressed = find(COMPRESSED)
  if (compressed) return { like: `compressed with ${compressed[2]}`, compression: compressed[2] }
  if (find(RAW)) return { format: 'raw' }
  return { like: describe(head) }
}

function describe(head: Buffer): string {
  if (head.length === 0) return 'an empty file'
  if (head.every((byte) => byte === 0)) return 'blank: nothing but zeroes, no boot sector'
  const text = head.toString('utf8', 0, 512)
  // Text contains no control characters except tab, line feed, form feed and carriage return.
  if (!/[\0-\x08\x0e-\x1a\ufffd]/.test(text.slice(0, -1))) {
    return `a text file that starts with ${JSON.stringify(text.split('\n')[0]?.slice(0, 40))}`
  }
  return 'data of an unknown kind, without boot sector'
}
