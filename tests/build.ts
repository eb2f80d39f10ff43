/** Builds the page before the tests, because servers serve it. */
export async function setup(): Promise<void> {
  await import('../build/build.ts')
}
