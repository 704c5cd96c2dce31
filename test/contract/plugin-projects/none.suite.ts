import { expect, inject, test } from 'vitest'

test('a project without the plugin has none of its options', () => {
  expect(inject('vitest-guest')).toBeUndefined()
})
