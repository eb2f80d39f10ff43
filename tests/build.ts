/** Before the tests: servers serve the page, so it has to be built. */
export async function setup(): Promise<void> {
  await import('../build/build.ts')
}
