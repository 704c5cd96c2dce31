import { expect, test } from 'vitest'
import { release } from '../../scripts/release-notes.mjs'

const EARLIER = '## 0.1.0\n\n### Added\n\n- A bridge.\n'
const changelog = (unreleased: string) => `# Changelog\n\n## Unreleased\n${unreleased}\n${EARLIER}`

test('unreleased changes become a version, without empty headings, below a new empty section', () => {
  const released = release(changelog('\n### Added\n\n- A TAP.\n\n### Changed\n\n### Fixed\n'), '0.2.0', '2026-11-27')
  expect(released).toBe(
    `# Changelog\n\n## Unreleased\n\n### Added\n\n### Changed\n\n### Fixed\n\n## 0.2.0 (2026-11-27)\n\n### Added\n\n- A TAP.\n\n${EARLIER}`,
  )
})

test.each([
  ['no unreleased part', '# Changelog\n', /no line '## Unreleased'/],
  ['nothing in it', changelog('\n### Added\n\n### Fixed\n'), /nothing to release/],
])('%s is refused', (_, text, message) => {
  expect(() => release(text, '0.2.0', '2026-11-27')).toThrow(message)
})
