/** Columns under headings, each as wide as its widest cell; empty columns are left out. */
export function renderTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = headings.flatMap((heading, at) => {
    const cells = rows.map((row) => row[at] ?? '')
    if (cells.every((cell) => cell === '')) return []
    const width = Math.max(heading.length, ...cells.map((cell) => cell.length))
    return [[heading, ...cells].map((cell) => cell.padEnd(width))]
  })
  const lines = [headings, ...rows].map((_, line) => columns.map((column) => column[line]).join('  ').trimEnd()) // prettier-ignore
  return `${lines.join('\n')}\n`
}
