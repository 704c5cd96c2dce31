/**
 * Run in a network and mount namespace of its own, which plays the host; another one plays the world around it. Says what a layer's
 * function gets from there, and what a clone of the layer gets and knows of it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { bootGuest, layer, type Guest } from '../../../src/index.ts'
import { answerNames } from '../../network/programs/answer-names.ts'

const [WORLD, HOST] = ['93.184.0.2', '93.184.0.1']
const program = fileURLToPath(new URL('../../network/programs/world.ts', import.meta.url))
const ip = (...commands: string[]) => execa('ip', ['-batch', '-'], { input: commands.join('\n') })

const world = spawn('unshare', ['--net', process.execPath, program, `${WORLD}/24`, '10.20.30.40/32'], {
  stdio: ['pipe', 'pipe', 'inherit'],
})
const said = createInterface(world.stdout)
await once(said, 'line')
await ip(
  'link set lo up',
  `link add outside type veth peer name world netns /proc/${world.pid}/ns/net`,
  `address add ${HOST}/24 dev outside`,
  'link set outside up',
  `route add default via ${WORLD}`,
)
world.stdin.write('go\n')
await once(said, 'line')
await answerNames('127.0.0.53', '192.0.2.7')
const resolvConf = join(tmpdir(), 'resolv.conf')
writeFileSync(resolvConf, 'nameserver 127.0.0.53\n')
await execa('mount', ['--bind', resolvConf, '/etc/resolv.conf'])

const LOOK = `python3 - <<'END'
import urllib.request
try:
    print(urllib.request.urlopen('http://${WORLD}/', timeout=20).read().decode())
except OSError as error:
    print('none')
END
getent ahostsv4 a.name.example | head -1 | cut -d' ' -f1
ip route show default; ls -la /etc/resolv.conf* | cut -d' ' -f1,9-; cat /etc/resolv.conf 2>/dev/null || true`
const look = async (guest: Guest) => (await guest.exec(LOOK, { pipefail: false })).stdout.split('\n')

let prepared: string[] = []
const online = layer({ from: 'debian-12', name: 'online', egress: true }, async (guest) => {
  prepared = await look(guest)
})
{
  await using guest = await bootGuest({ image: online })
  await using plain = await bootGuest()
  console.log(JSON.stringify({ prepared, clone: await look(guest), plain: await look(plain) }))
}
// The name server would go on; the world ends with its input.
process.exit()
