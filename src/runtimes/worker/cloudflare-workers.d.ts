/** The parts of workerd's own module that are used here. */
declare module 'cloudflare:workers' {
  /** Other objects and Workers can call the methods of a class that extends this one. */
  export const DurableObject: new (state: unknown, env: unknown) => object
  /** Keeps the request that is being handled running until the promise settles. */
  export function waitUntil(promise: Promise<unknown>): void
}
