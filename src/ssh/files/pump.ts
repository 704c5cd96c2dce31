import { addAbortSignal, type Readable, type Writable } from 'node:stream'
import type { Running } from './with-program.ts'

/** Moves a stream to its end, and leaves the other one open on an error: a program that reads an end takes the half for all. */
export async function pump(
  from: Readable,
  to: Writable,
  { signal, moved }: Pick<Running, 'signal' | 'moved'>,
  onBytes: (bytes: number) => void = () => {},
  /** Whether it is well that the other one has closed; what is left is then dropped. */
  onEarlyClose: () => Promise<void> = () => Promise.reject(new Error('the stream was closed at its other end')),
): Promise<void> {
  let bytes = 0
  let go = () => {}
  // It may have closed before anybody listened here; what is written then is neither taken nor refused.
  const end = { closed: isOver(to) }
  const onDrain = () => go()
  const onClose = () => {
    end.closed = true
    go()
  }
  to.on('drain', onDrain).on('close', onClose)
  signal.addEventListener('abort', onDrain)
  try {
    // Not destroyed when the other stream breaks: a channel that is destroyed does not tell how its program ends.
    const chunks = addAbortSignal(signal, from).iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
    for await (const chunk of chunks) {
      onBytes((bytes += chunk.length))
      if (end.closed) {
        moved(chunk.length)
        await onEarlyClose()
        continue
      }
      // Nothing may come between the write and the listening, so the promise is made first.
      const drained = new Promise<void>((resolve) => (go = resolve))
      if (!to.write(chunk) && !isOver(to)) await drained
      moved(chunk.length)
    }
    // An ssh2 channel that is destroyed ends as if it had come to its end (1.17, lib/Channel.js).
    signal.throwIfAborted()
  } finally {
    to.off('drain', onDrain).off('close', onClose)
    signal.removeEventListener('abort', onDrain)
  }
}

function isOver({ closed, destroyed, writableEnded }: Writable): boolean {
  return closed || destroyed || writableEnded
}
