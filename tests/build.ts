/** Builds the page and the programs for Node and Bun, because the tests run them. */
export async function setup(): Promise<void> {
  await import('../build/build.ts')
}
