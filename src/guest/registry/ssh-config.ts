import { fileURLToPath } from 'node:url'
import { quote } from '../../ssh/quote.ts'

export interface SshConfigFacts {
  readonly id: string
  readonly hostname: string
  readonly address: string
  readonly keyFile: string
  readonly knownHostsFile: string
}

/** Through the keeper's UNIX socket, or a port of 127.0.0.1 that is forwarded to the guest's sshd. */
type Way = { readonly socketPath: string } | { readonly localPort: number }

/** A guest's ssh_config(5), with absolute paths only, so that it works in any folder, and for scp, sftp, rsync and Ansible. */
export function sshConfig(
  facts: SshConfigFacts & Way,
  connector: readonly string[] = [process.execPath, cli()],
): string {
  const { id, hostname, address, keyFile, knownHostsFile } = facts
  const options = {
    ...('localPort' in facts ? { HostName: '127.0.0.1', Port: facts.localPort } : { HostName: address }),
    HostKeyAlias: id,
    User: 'root',
    IdentityFile: `"${percent(keyFile)}"`,
    IdentitiesOnly: 'yes',
    // An agent's keys would be tried first, and sshd limits attempts.
    IdentityAgent: 'none',
    UserKnownHostsFile: `"${percent(knownHostsFile)}"`,
    GlobalKnownHostsFile: '/dev/null',
    StrictHostKeyChecking: 'yes',
    ...('socketPath' in facts && { ProxyCommand: `${proxy(connector, facts.socketPath)} %h %p` }),
  }
  const lines = Object.entries(options).map(([name, value]) => `  ${name} ${value}\n`)
  return `Host ${[...new Set([id, hostname, address])].join(' ')}\n${lines.join('')}`
}

/** OpenSSH runs it in the user's shell. */
function proxy(connector: readonly string[], socketPath: string): string {
  return [...connector, 'connect', socketPath].map((word) => quote(percent(word))).join(' ')
}

export function knownHosts(id: string, hostPublicKey: string): string {
  return `${id} ${hostPublicKey}\n`
}

/** ssh_config(5), TOKENS: `%%` is a percent sign. */
function percent(text: string): string {
  return text.replaceAll('%', '%%')
}

/** From source Node strips the types; in the package it is JavaScript. */
function cli(): string {
  const name = import.meta.url.endsWith('.ts') ? '../../cli/main.ts' : '../../cli/main.js'
  return fileURLToPath(new URL(name, import.meta.url))
}
