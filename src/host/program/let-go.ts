interface Child {
  unref(): void
  readonly stdio: readonly unknown[]
}

/** Lets this process end while the child, and the pipes to it, are still open. */
export function letGo(child: Child): void {
  child.unref()
  for (const pipe of child.stdio) if (pipe instanceof Object && 'unref' in pipe) (pipe.unref as () => void)()
}
