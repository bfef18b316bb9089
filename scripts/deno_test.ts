/** How the tests are run: by the checks (run_checks.ts), and one file at a time (test_one.ts). */

/** What every test needs; see tests/README.md. */
export const TEST_FLAGS = [
  "-A",
  "--no-check",
  "--sanitize-ops",
  "--sanitize-resources",
  "--preload=./tests/support/bind_libc.ts",
] as const;
