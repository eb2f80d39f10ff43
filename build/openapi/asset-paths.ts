/** A file for browsers, or the files below a path. */
interface AssetPath {
  readonly summary: string
  readonly types: readonly string[]
  readonly isPage?: boolean
  /** Whether these are all files below a path. */
  readonly isMany?: boolean
}

/** The paths of the files that the build makes (build/assets.ts, build/openapi.ts). */
export const assetPaths: Readonly<Record<string, AssetPath>> = {
  '/': {
    summary: 'The chat page, or `Sluice is running` for a client that does not accept HTML',
    types: ['text/html'],
    isPage: true,
  },
  '/status': { summary: "The operator's page. Its data need a right", types: ['text/html'] },
  '/client.js': { summary: 'The client for browsers', types: ['text/javascript'] },
  '/client.d.ts': { summary: 'Its types', types: ['application/typescript'] },
  '/assets/{file}': {
    summary: 'A file of the page. Its name contains a hash of its content',
    types: ['text/javascript', 'text/css'],
    isMany: true,
  },
  '/openapi.json': { summary: 'This document', types: ['application/json'] },
}
