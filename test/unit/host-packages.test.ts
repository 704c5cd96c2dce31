import { afterEach, expect, test, vi } from 'vitest'
import { installCommand } from '../../src/doctor/missing-packages.ts'
import { isNodeNewEnough } from '../../src/host/node-version.ts'
import { missingPackages } from '../../src/doctor/missing-packages.ts'
import { evaluationCommand } from './support/node.ts'
import { pathWithout } from './support/temporary-folder.ts'
import { execa } from 'execa'

afterEach(() => void vi.unstubAllEnvs())

test('each missing tool names its package, once', () => {
  vi.stubEnv('PATH', pathWithout())
  const before = missingPackages()
  vi.stubEnv('PATH', pathWithout('qemu-system-x86_64', 'qemu-img', 'mmdebstrap', 'unshare', 'nsenter'))
  expect(missingPackages()).toEqual([...before, 'mmdebstrap', 'qemu-system-x86', 'qemu-utils', 'util-linux'].sort())
})

test('one ISO writer is enough', () => {
  vi.stubEnv('PATH', pathWithout('xorriso', 'genisoimage', 'mkisofs'))
  expect(missingPackages()).toContain('xorriso')
})

test('root needs no uidmap, others do', async ({ skip }) => {
  skip(process.getuid?.() !== 0, 'takes root to become somebody else')
  const path = pathWithout('newuidmap')
  const command = evaluationCommand('doctor/missing-packages.ts', 'm.missingPackages()')
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--']
  const readable = await execa('setpriv', [...nobody, process.execPath, '--version'], { reject: false })
  skip(readable.exitCode !== 0, 'Node is where an ordinary user cannot read it')
  const [file, ...args] = command
  const asRoot = await execa(file, args, { env: { PATH: path } })
  expect(JSON.parse(asRoot.stdout)).not.toContain('uidmap')
  const asNobody = await execa('setpriv', [...nobody, ...command], { env: { PATH: `${path}` }, preferLocal: false })
  expect(JSON.parse(asNobody.stdout)).toContain('uidmap')
})

test('one command installs them all', () => {
  expect(installCommand(['a', 'b'])).toMatch(
    /(apt-get install --yes --no-install-recommends|install these packages.*:) a b$/,
  )
})

test('Node from 22.12 on is new enough', () => {
  expect(['20.20.2', '22.11.0', '22.12.0', '24.0.0'].map(isNodeNewEnough)).toEqual([false, false, true, true])
})
