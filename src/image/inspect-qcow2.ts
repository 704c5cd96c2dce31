import { GuestError, ImageError } from '../errors.ts'
import { run } from '../host/run.ts'
import { requireTool } from '../host/tools.ts'

interface ChainMember {
  readonly filename: string
  readonly format: string
}

/**
 * Opens a qcow2 disk and its whole backing chain, and checks that what their tables point at lies inside the files:
 * QEMU opens a file that was cut off in a download, and the guest finds out later. Metadata only, so it is quick.
 * @throws ImageError saying what is wrong.
 */
export async function inspectQcow2(path: string, signal?: AbortSignal): Promise<void> {
  const qemuImg = requireTool('qemu-img')
  const options = { signal, timeoutMs: 30_000 }
  // -U: do not ask for the write lock; another guest may be running on the same disk, as on any base of overlays.
  const info = ['info', '-U', '--backing-chain', '--output=json', '-f', 'qcow2', path]
  const output = await run(qemuImg, info, options).catch((error: unknown) => {
    throw explain(path, error, signal)
  })
  const chain = (JSON.parse(output) as ChainMember[]).filter(({ format }) => format === 'qcow2')
  for (const { filename } of chain) {
    await run(qemuImg, ['check', '-U', '-f', 'qcow2', '--output=json', filename], options).catch((error: unknown) => {
      // 3: clusters that nothing uses are a waste, not damage (qemu-img(1)).
      if (error instanceof GuestError && error.exitCode === 3) return
      throw explain(filename, error, signal)
    })
  }
}

function explain(path: string, error: unknown, signal: AbortSignal | undefined): unknown {
  signal?.throwIfAborted()
  if (!(error instanceof GuestError)) return error
  const { command, exitCode, stderr = '' } = error
  const facts = { option: 'image', command, exitCode, stderr, cause: error }
  const backing = /Could not open '([^']+)'.*No such file/.exec(stderr)?.[1]
  if (backing !== undefined) {
    return new ImageError(`The image ${path} builds on ${backing}, which does not exist`, {
      ...facts,
      hint: 'Put the backing file back, or make a disk that needs none where both exist: qemu-img convert -O qcow2.',
    })
  }
  if (/header too short|end of the file|refcount/i.test(stderr)) {
    return new ImageError(`The image ${path} is damaged: parts of it lie beyond the end of the file`, {
      ...facts,
      hint: 'It was probably cut off while it was copied: fetch it again, and compare its size and checksum.',
    })
  }
  return new ImageError(`The image ${path} cannot be opened`, {
    ...facts,
    hint: `qemu-img check ${path} says more.`,
  })
}
