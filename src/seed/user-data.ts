import { randomBytes } from 'node:crypto'
import type { SeedInput } from './input.ts'
import { mergeConfig } from './merge-config.ts'
import { resolvConf, writeNetworkdDropIns } from './network-config.ts'
import { sha256Crypt } from './sha256-crypt.ts'
import { sshdFiles } from './sshd-config.ts'
import { toYaml } from './yaml.ts'

/** The fewest that sha256-crypt allows: a login costs 0.17 s under emulation, with yescrypt's default 1.2 s. */
const ROUNDS = 1000

/** The `#cloud-config` document. JSON is YAML, so no YAML writer is needed. */
export function userData({ credentials, cloudConfig, nics, isPlain = false }: SeedInput): string {
  const { rootPassword, clientPublicKey, hostKey, hostPublicKey } = credentials
  const salt = randomBytes(8).toString('hex')
  const ours = {
    disable_root: false,
    ssh_pwauth: true,
    users: [
      {
        name: 'root',
        // Not `chpasswd`: on Debian 12 that runs in a later stage, when sshd is already up and refuses the password.
        // `hashed_passwd` is applied to a user who exists (cloudinit/distros/__init__.py, 22.4).
        hashed_passwd: sha256Crypt(rootPassword, salt, ROUNDS),
        lock_passwd: false,
        ssh_authorized_keys: [clientPublicKey],
      },
    ],
    ssh_deletekeys: true,
    // Given keys also keep cloud-init from making any: an RSA key takes 5 s under emulation.
    ssh_keys: { ed25519_private: hostKey, ed25519_public: `${hostPublicKey}\n` },
    bootcmd: [writeNetworkdDropIns],
    write_files: [...sshdFiles, ...(isPlain ? resolvConf(nics) : [])],
    // The hostname resolves to 127.0.1.1; other lines of /etc/hosts stay.
    manage_etc_hosts: 'localhost',
    // The rest only saves time. A text, because the schema of 22.4 allows nothing else and warns of a boolean.
    locale: 'false',
    grub_dpkg: { enabled: false },
    no_ssh_fingerprints: true,
    ssh: { emit_keys_to_console: false },
  }
  return `#cloud-config\n# Written by vitest-guest for one guest; JSON is YAML.\n${toYaml(mergeConfig(ours, cloudConfig))}\n`
}
