/** The value of a JSON text; undefined for anything else. Files, guests and programs may hold whatever they like. */
export function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}
