import { digestOf, type Extent } from '../../host/files/file-digest.ts'
import { run } from '../../host/program/run.ts'
import { requireTool } from '../../host/program/tools.ts'

interface Mapped extends Extent {
  readonly data: boolean
}

/** The digest of a disk's content, of which only what its file system has is read. */
export async function digestOfDisk(path: string, signal?: AbortSignal): Promise<string> {
  return digestOf(path, signal, await dataExtents(path, signal))
}

/** Where a sparse file has data, by what its file system says (SEEK_DATA, which Node does not have). As `raw`, nothing in it is parsed. */
export async function dataExtents(path: string, signal?: AbortSignal): Promise<Extent[]> {
  const output = await run(requireTool('qemu-img'), ['map', '-U', '--output=json', '-f', 'raw', path], { signal })
  return (JSON.parse(output) as Mapped[]).filter(({ data }) => data)
}
