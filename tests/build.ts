/** Builds the page and the programs for Node and Bun before the tests, because the tests run them. */
export async function setup(): Promise<void> {
  await import('../build/build.ts')
}
