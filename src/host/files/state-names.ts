// What is in a state folder. A keeper starts with every network, so this is all that it has to load.

/** The socket on which the keeper answers. */
export const KEEPER_SOCKET = 'keeper.sock'
/** The folder that QEMU works in, and may write to. Names in it are shorter than `keeper.sock`, for the sake of socket paths. */
export const QEMU_FOLDER = 'qemu'
