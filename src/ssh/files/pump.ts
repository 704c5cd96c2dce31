import { addAbortSignal, type Readable, type Writable } from 'node:stream'
import type { Running } from './with-program.ts'

/** Copies a stream into another, which stays open on an error: otherwise its program would take what has arrived for everything. */
export async function pump(
  from: Readable,
  to: Writable,
  { signal, moved }: Pick<Running, 'signal' | 'moved'>,
  onBytes: (bytes: number) => void = () => {},
  /** Resolves if it is fine that the other stream closed early; the rest is then dropped. */
  onEarlyClose: () => Promise<void> = () => Promise.reject(new Error('the stream was closed at its other end')),
): Promise<void> {
  let bytes = 0
  let go = () => {}
  // It may have closed before; a write is then neither accepted nor refused.
  const end = { closed: isOver(to) }
  const onDrain = () => go()
  const onClose = () => {
    end.closed = true
    go()
  }
  to.on('drain', onDrain).on('close', onClose)
  signal.addEventListener('abort', onDrain)
  try {
    // Not destroyed when the other stream breaks: a destroyed channel does not report how its program ends.
    const chunks = addAbortSignal(signal, from).iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
    for await (const chunk of chunks) {
      onBytes((bytes += chunk.length))
      if (end.closed) {
        moved(chunk.length)
        await onEarlyClose()
        continue
      }
      // Created before the write, so that no event is missed.
      const drained = new Promise<void>((resolve) => (go = resolve))
      if (!to.write(chunk) && !isOver(to)) await drained
      moved(chunk.length)
    }
    // A destroyed ssh2 channel looks like one that has ended (1.17, lib/Channel.js).
    signal.throwIfAborted()
  } finally {
    to.off('drain', onDrain).off('close', onClose)
    signal.removeEventListener('abort', onDrain)
  }
}

function isOver({ closed, destroyed, writableEnded }: Writable): boolean {
  return closed || destroyed || writableEnded
}
