import { defineConfig } from 'vitest/config'

/**
 * Linters of the Dockerfile, the manifests, the workflows and the scripts (`npm run test:linters`).
 * `install.sh` installs them.
 */
export default defineConfig({
  test: { include: ['tests/linters/**/*.test.ts'], testTimeout: 30_000 },
})
