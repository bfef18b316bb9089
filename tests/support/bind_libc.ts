/**
 * Loaded before every test file (`--preload`, in scripts/run_checks.ts): the C library's functions are bound on first use
 * and kept, which the check for leaked resources would take for a leak of the test that happens to be the first.
 */
import { loadLibc } from "../../src/platform/libc.ts";

Object.values(loadLibc()?.call ?? {});
