/** Builds the page before the tests, because the tested servers serve the page. */
export async function setup(): Promise<void> {
  await import('../build/build.ts')
}
