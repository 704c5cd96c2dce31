/**
 * Run in a network namespace of its own, which plays the host: a server at 203.0.113.1 plays the outside. Opens a network without
 * and one with a way out, says what a machine on each of them gets from the server, and then waits to be killed.
 */
import { createServer } from 'node:http'
import { once } from 'node:events'
import { execa } from 'execa'
import { openNetwork } from '../../../src/network/open-network.ts'
import { plugIn, split } from '../../support/plug-in.ts'

const OUTSIDE = '203.0.113.1'

const ip = (commands: readonly string[]) => execa('/usr/sbin/ip', ['-batch', '-'], { input: commands.join('\n') })
await ip([
  'link set lo up',
  'link add outside type veth peer name other',
  `address add ${OUTSIDE}/24 dev outside`,
  'link set outside up',
  'link set other up',
])
const outside = createServer((_request, response) => response.end('the outside')).listen(80, OUTSIDE)
await once(outside, 'listening')
const local = createServer((_request, response) => response.end('127.0.0.1 of the host')).listen(8080, '127.0.0.1')
await once(local, 'listening')

async function attempt(egress: boolean) {
  const network = await openNetwork({ ...(egress && { egress }), mtu: 1400 })
  const machine = await plugIn(network, '192.168.100.9/24')
  const get = async (url: string) => {
    const { stdout, stderr } = await execa(...split(machine.inside(['curl', '-sS', '--max-time', '5', url])), {
      reject: false,
    })
    return stdout || stderr
  }
  const before = await get(`http://${OUTSIDE}`)
  await execa(...split(machine.inside(['ip', 'route', 'add', 'default', 'via', '192.168.100.2'])))
  return { before, after: await get(`http://${OUTSIDE}`), host: await get('http://192.168.100.2:8080') }
}

await (await openNetwork({ egress: true, mtu: 1400 }))[Symbol.asyncDispose]()
console.log(JSON.stringify({ without: await attempt(false), with: await attempt(true) }))
