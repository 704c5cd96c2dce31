/** First by name, because sshd uses the first value that it reads for a keyword. */
const OURS = '/etc/ssh/sshd_config.d/00-vitest-guest.conf'
/** Where cloud-init puts what `ssh_pwauth` asks for (cloudinit/ssh_util.py, 22.4). */
const CLOUD_INITS = '/etc/ssh/sshd_config.d/50-cloud-init.conf'

/**
 * Files for sshd, written by cloud-init before sshd starts.
 *
 * With only cloud-init's `ssh_pwauth: true` root would be refused, since sshd's default is `PermitRootLogin
 * prohibit-password`. It also restarts sshd, while we are connected, unless it finds the setting in its own file.
 */
export const sshdFiles = [
  {
    path: OURS,
    permissions: '0600',
    content: [
      'PermitRootLogin yes',
      'PasswordAuthentication yes',
      'PubkeyAuthentication yes',
      '# No name server answers on a host-only network.',
      'UseDNS no',
      '# Many commands at once over one connection (default 10), and many connections at once (default 10).',
      'MaxSessions 100',
      'MaxStartups 100',
      '',
    ].join('\n'),
  },
  { path: CLOUD_INITS, permissions: '0600', content: 'PasswordAuthentication yes\n' },
] as const
