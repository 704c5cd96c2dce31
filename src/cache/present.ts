/** The descriptions of files, without files that were removed in the meantime. */
export async function present<T>(descriptions: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(descriptions)
  return results.flatMap((result) => {
    if (result.status === 'fulfilled') return [result.value]
    if ((result.reason as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw result.reason
  })
}
