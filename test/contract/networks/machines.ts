export const networks = { left: { subnet: '10.1.0.0/24' }, right: { subnet: '10.2.0.0/24' } }

export const machines = {
  client: {
    networks: [
      { network: 'left', address: '10.1.0.9' },
      { network: 'right', address: false },
    ],
  },
  // Another card, for a DHCP server.
  router: { networks: ['left', { network: 'right', address: '10.2.0.5' }, { network: 'right', address: false }] },
  server: { networks: ['right'] },
} as const
