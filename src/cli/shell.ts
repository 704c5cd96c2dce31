import { once } from 'node:events'
import { bootGuest } from '../guest/boot-guest.ts'
import type { Guest } from '../guest/guest.ts'

/** Boots a guest and opens an interactive shell in it; its exit code is the shell's. */
export async function openShell(): Promise<number> {
  const { stdin, stderr } = process
  const startedAt = performance.now()
  await using guest = await bootGuest({
    onPhase: ({ name, durationMs }) => {
      if (durationMs === undefined) stderr.write(`${seconds(startedAt)}  ${name}\n`)
    },
    onProgress: (line) => stderr.write(`${line}\n`),
  })
  stderr.write(
    `${seconds(startedAt)}  ready: root@${guest.address}, password ${guest.rootPassword}; exit ends the guest\n`,
  )
  const isTerminal = stdin.isTTY
  if (isTerminal) stdin.setRawMode(true)
  try {
    return await converse(guest)
  } finally {
    if (isTerminal) stdin.setRawMode(false)
    stdin.pause()
  }
}

async function converse({ ssh }: Guest): Promise<number> {
  const { stdin, stdout } = process
  const size = () => ({ rows: stdout.rows || 24, cols: stdout.columns || 80 })
  const channel = await new Promise<import('ssh2').ClientChannel>((resolve, reject) => {
    const terminal = { ...size(), height: 0, width: 0, term: process.stdout.isTTY ? 'xterm-256color' : 'dumb' }
    ssh.shell(terminal, (error, opened) => (error ? reject(error) : resolve(opened)))
  })
  const resize = () => channel.setWindow(size().rows, size().cols, 0, 0)
  stdout.on('resize', resize)
  stdin.pipe(channel).pipe(stdout, { end: false })
  const [exitCode] = (await once(channel, 'exit')) as [number | null]
  stdout.off('resize', resize)
  stdin.unpipe(channel)
  return exitCode ?? 1
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1).padStart(6)} s`
}
