/** In a state folder: the socket on which the keeper answers. The keeper starts with every network, so this is all it has to load. */
export const KEEPER_SOCKET = 'keeper.sock'
