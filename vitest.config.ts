import { defineConfig } from 'vitest/config'

// Tests run on the sources of every package (condition `source`), never on a stale build.
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'], externalConditions: ['node', 'import'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'scripts/**/*.test.ts', 'examples/**/*.test.ts'],
    globalSetup: ['scripts/vitest-global-setup.mjs'],
    // Many files wait for other processes, or for time to pass, most of their time.
    maxWorkers: 3,
    // Ends what hangs; how fast a test is depends on the machine, and is no matter of tests.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
