// The names in a state folder; apart from state-folder.ts, since a keeper starts with every network and should load little.

export const KEEPER_SOCKET = 'keeper.sock'
/** The folder that QEMU works in, and may write to. Names of sockets in it must be shorter than `keeper.sock`, to fit. */
export const QEMU_FOLDER = 'qemu'
