import { expect, test } from 'vitest'
import { mergeConfig } from '../../src/seed/merge-config.ts'

const ours = { users: ['root'], ssh: { emit: false, nested: { a: [1], b: 2 } }, locale: 'false', list: [1] }

test.each([
  ['nothing changes nothing', {}, ours],
  ['lists are appended, ours first', { users: ['joe'] }, { ...ours, users: ['root', 'joe'] }],
  [
    'maps are merged, all the way down',
    { ssh: { more: 1, nested: { a: [2], b: 3 } } },
    { ...ours, ssh: { emit: false, more: 1, nested: { a: [1, 2], b: 3 } } },
  ],
  ['other values replace ours', { locale: 'de_DE.UTF-8' }, { ...ours, locale: 'de_DE.UTF-8' }],
  [
    'another kind of value replaces ours',
    { list: { a: 1 }, ssh: ['x'], users: 'root' },
    { ...ours, list: { a: 1 }, ssh: ['x'], users: 'root' },
  ],
  ['null takes ours away', { ssh: null }, { ...ours, ssh: null }],
  ['what we do not have comes after', { runcmd: [['true']] }, { ...ours, runcmd: [['true']] }],
])('%s', (_name, users, merged) => {
  const before = structuredClone(ours)
  expect(mergeConfig(ours, users)).toEqual(merged)
  expect(ours).toEqual(before)
})

test('a key named __proto__ is a key like any other', () => {
  const merged = mergeConfig({}, JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, unknown>)
  expect(Object.keys(merged)).toEqual(['__proto__'])
  expect({}).not.toHaveProperty('polluted')
})
