import { expect, test } from 'vitest'
import { type CloudInitReport, faultOf } from '../../src/guest/boot/cloud-init.ts'

const FINE: CloudInitReport = { log: [], output: [], unknown: [], known: [], modules: {}, schema: '' }
const RUNCMD = "('scripts_user', RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands'))"
const LOCALE = "('locale', ProcessExecutionError('locale-gen failed'))"

test('a failed command of runcmd is an error, with the lines of both logs', () => {
  const line = '2026-01-01 00:00:00,000 - cc_scripts_user.py[WARNING]: Failed to run module scripts_user'
  const report = { ...FINE, modules: { scripts_user: ['runcmd'] }, log: [line], output: ['runcmd: 2: oops: not found'] }
  const { message = '', option, hint } = faultOf(report, [RUNCMD, LOCALE]) ?? {}
  expect(option).toBe('cloudConfig')
  expect(message).toMatch(/^cloud-init failed to apply cloudConfig: runcmd \(module scripts_user\)\n/)
  expect(message).toContain('oops: not found')
  expect(message).toContain(line)
  expect(message).toContain('Runparts: 1 failures')
  expect(message).not.toContain('locale-gen')
  expect(hint).toContain("cloudInitErrors: 'warn'")
})

test('a failed module without keys in the cloud-config is not an error', () => {
  expect(faultOf({ ...FINE, modules: { locale: [] } }, [LOCALE])).toBeUndefined()
})

test('an unknown key is an error that names the nearest one', () => {
  const known = ['write_files', 'runcmd', 'users']
  expect(faultOf({ ...FINE, unknown: ['write_file'], known }, [])?.message).toMatch(
    /does not recognize the key `write_file` of cloudConfig\nDid you mean write_files\? /,
  )
  expect(faultOf({ ...FINE, unknown: ['nonsense'], known }, [])?.message).not.toContain('Did you mean')
})

test('the error contains what the schema check reports', () => {
  const schema = 'Cloud config schema errors: runcmd: 7 is not of type array'
  expect(faultOf({ ...FINE, schema }, [])?.message).toMatch(/cloud-init schema --system[^]*7 is not of type array/)
})
