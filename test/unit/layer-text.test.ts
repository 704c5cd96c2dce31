import { expect, test } from 'vitest'
import { functionAt } from '../../src/guest/layer/call-text.ts'

test.for([
  [
    'layer({ from: a }, async (guest) => { await guest.exec("a)") }) + more',
    'async (guest) => { await guest.exec("a)") }',
  ],
  [
    'layer(\n  options,\n  (guest: Guest) => guest.$`a ${f({ b: ")" })} c`,\n)',
    '(guest: Guest) => guest.$`a ${f({ b: ")" })} c`',
  ],
  ['layer(options, () => /[/)]\\)/.test(a) && b / c) / d)', '() => /[/)]\\)/.test(a) && b / c'],
  ["layer(options, () => { // it's )\n /* ( */ return /'/ }), x", "() => { // it's )\n /* ( */ return /'/ }"],
  ['layer({ a: [1, 2] }, function named() {})', 'function named() {}'],
  ['layer(options, install)', undefined],
  ['layer(options, () => {', undefined],
  ['layer', undefined],
] as const)('the function in %j', ([source, text]) => {
  expect(functionAt(`const before = f()\n${source}`, 'const before = f()\n'.length)).toBe(text)
})
