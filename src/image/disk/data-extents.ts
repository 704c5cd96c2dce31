import { digestOf, type Extent } from '../../host/files/file-digest.ts'
import { run } from '../../host/program/run.ts'
import { requireTool } from '../../host/program/tools.ts'

interface Mapped extends Extent {
  readonly data: boolean
}

/** The digest of a disk's content; holes of the file are not read. */
export async function digestOfDisk(path: string, signal?: AbortSignal): Promise<string> {
  return digestOf(path, signal, await dataExtents(path, signal))
}

/** Where a sparse file has data, according to its file system (SEEK_DATA, which Node lacks). As `raw`, nothing in it is parsed. */
export async function dataExtents(path: string, signal?: AbortSignal): Promise<Extent[]> {
  const output = await run(requireTool('qemu-img'), ['map', '-U', '--output=json', '-f', 'raw', path], { signal })
  return (JSON.parse(output) as Mapped[]).filter(({ data }) => data)
}
