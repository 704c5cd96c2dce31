/**
 * node:http without what an `import` of it costs: a built-in module that is imported has all its exports looked at, and three of
 * this one's (WebSocket and its events) load an HTTP client of their own by that. (A keeper: 38 ms of processor time instead of 98.)
 */
export const { createServer, request } = process.getBuiltinModule('node:http')
