/**
 * Run in a network namespace of its own, which plays everything around the host: waits on its stdin to be given the card `world`, and
 * answers at the addresses of its arguments with HTTP (80), an echo over UDP (7), and names (53). Goes when its stdin closes.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { isIPv4 } from 'node:net'
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import { answerNames } from './answer-names.ts'

const addresses = process.argv.slice(2)
const input = createInterface(process.stdin)
console.log('here')
await once(input, 'line')
input.on('close', () => process.exit())
const ip = [
  'link set lo up',
  'link set world up',
  ...addresses.map((address) => `address add ${address} dev world${address.includes(':') ? ' nodad' : ''}`),
  'route add default dev world',
  'route add ::/0 dev world',
]
await execa('ip', ['-batch', '-'], { input: ip.join('\n') })
await once(createServer((_request, response) => response.end('world')).listen(80, '::'), 'listening')
for (const address of addresses.map((each) => each.split('/')[0] ?? '').filter(isIPv4)) {
  const echo = createSocket('udp4', (data, from) => echo.send(data, from.port, from.address)).bind(7, address)
  await once(echo, 'listening')
}
await answerNames('10.20.30.40', '192.0.2.8')
console.log('up')
