import { defineConfig } from 'vitest/config'

/**
 * Linters of the Dockerfile, the manifests, the workflows, the scripts, and the alerts for Prometheus
 * (`npm run test:linters`). `install.sh` installs them.
 */
export default defineConfig({
  test: { globalSetup: 'tests/build.ts', include: ['tests/linters/**/*.test.ts'], testTimeout: 30_000 },
})
