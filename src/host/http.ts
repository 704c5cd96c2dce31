/**
 * node:http without what an `import` of it costs: a built-in module that is imported has all its exports looked at, and three of
 * this one's (WebSocket and its events) load an HTTP client of their own by that. A keeper takes a third of the time to start.
 */
export const { createServer, request } = process.getBuiltinModule('node:http')
