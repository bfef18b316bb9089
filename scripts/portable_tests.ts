/**
 * Tests that are run a second time, with the disk that other systems have (src/platform/portable_disk.ts). What that disk
 * can't keep is ignored there: `HAS_LINUX_DISK` in tests/support/needs.ts.
 */

/** Has Linux take that disk. */
export const PORTABLE_DISK = { BACKUP_TOOL_DISK: "portable" };
/** Stands before the names of these tests. */
export const PORTABLE_PREFIX = "portable disk: ";

const OPERATIONS = "tests/operations", JOBS = "tests/jobs", COMMANDS = "tests/cli/commands";

/** The main ways of all that operations, jobs and commands do; everything with SLOW=1. */
export const PORTABLE_TESTS: readonly string[] = Deno.env.has("SLOW") ? [OPERATIONS, JOBS, COMMANDS] : [
  ...["backup", "racing_source", "odd_sources"].map((name) => `${OPERATIONS}/backup/${name}_test.ts`),
  `${OPERATIONS}/browse/diff_test.ts`,
  `${OPERATIONS}/check/check_test.ts`,
  ...["forget", "prune"].map((name) => `${OPERATIONS}/forget/${name}_test.ts`),
  `${OPERATIONS}/plan/plan_test.ts`,
  ...["restore", "restore_places", "restore_names"].map((name) => `${OPERATIONS}/restore/${name}_test.ts`),
  `${JOBS}/import/import_test.ts`,
  `${JOBS}/kinds/job_kinds_test.ts`,
  `${JOBS}/service/service_test.ts`,
  ...["plan", "restore", "selection"].map((name) => `${COMMANDS}/${name}_test.ts`),
];
