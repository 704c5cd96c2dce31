interface Child {
  unref(): void
  readonly stdio: readonly unknown[]
}

/** What a child is to us, its own life and the pipes to it, no longer keeps the process from ending. */
export function letGo(child: Child): void {
  child.unref()
  for (const pipe of child.stdio) if (pipe instanceof Object && 'unref' in pipe) (pipe.unref as () => void)()
}
