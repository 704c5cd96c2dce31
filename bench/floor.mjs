// The floor: QEMU on a template's files, restored, dialed, and connected to by ssh2, with nothing of this package.
// It runs in network and PID namespaces of its own. A line on its input is one round; the answer is a line of JSON.
// Arguments: the template's folder, QEMU, and the configuration of a clone as JSON. Only QEMU's command line is that of the package.
import { spawn, spawnSync } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import ssh2 from 'ssh2'
import { qemuArguments } from '../src/machine/command-line.ts'
import { openFiles } from '../src/machine/open-files.ts'

const [folder = '', qemu = '', config = '{}'] = process.argv.slice(2)
const machine = JSON.parse(config)
const { credentials } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8').split('\n')[0] ?? '{}')
const SET_UP = `link set dev lo up
link add name br0 address 52:54:c0:a8:64:32 type bridge
address add 192.168.100.50/24 broadcast 192.168.100.255 dev br0
link set dev br0 up
tuntap add dev tap0 mode tap
link set dev tap0 master br0
link set dev tap0 up
`
spawnSync('ip', ['-batch', '-'], { input: SET_UP, stdio: ['pipe', 'inherit', 'inherit'] })

async function round() {
  // The kernel may still be asking for the guest of the round before, and about to give that up.
  spawnSync('ip', ['neighbour', 'flush', 'dev', 'br0'])
  const state = openSync(join(folder, 'state'), 'r')
  const startedAt = performance.now()
  const files = openFiles(machine)
  const child = spawn(qemu, qemuArguments(machine), {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe', 'pipe', state, ...files.handed],
  })
  files[Symbol.dispose]()
  const qmp = /** @type {import('node:net').Socket} */ (child.stdio[3])
  const lines = createInterface(qmp)[Symbol.asyncIterator]()
  /** @param {string} execute @param {object} [options] */
  const command = async (execute, options) => {
    qmp.write(`${JSON.stringify({ execute, arguments: options })}\n`)
    for (;;) {
      const answer = JSON.parse((await lines.next()).value)
      if (answer.error) throw new Error(answer.error.desc)
      if ('return' in answer) return answer.return
    }
  }
  await command('qmp_capabilities')
  await command('migrate-set-capabilities', { capabilities: [{ capability: 'x-ignore-shared', state: true }] })
  await command('migrate-incoming', { uri: 'fd:6' })
  while ((await command('query-migrate')).status !== 'completed')
    await new Promise((resolve) => setTimeout(resolve, 10))
  await command('cont')
  const client = new ssh2.Client()
  await new Promise((resolve, reject) => {
    const sock = createConnection({ host: '192.168.100.224', port: 22, noDelay: true })
    client.on('ready', () => resolve(undefined)).on('error', reject)
    client.connect({ sock, username: 'root', privateKey: credentials.clientKey })
  })
  const ms = performance.now() - startedAt
  client.destroy()
  child.kill('SIGKILL')
  await new Promise((resolve) => child.once('close', resolve))
  return ms
}

for await (const _ of createInterface(process.stdin)) console.log(JSON.stringify({ ms: await round() }))
process.exit(0)
