/**
 * Loaded before every test file (`--preload`, in scripts/run_checks.ts): functions of the C library and of OpenSSL are
 * bound on first use and kept, which the check for leaked resources would take for a leak of the test that happens to be
 * the first.
 */
import { loadLibc } from "../../src/platform/libc.ts";
import { hasCipher } from "../../src/vault/seal/chacha.ts";

Object.values(loadLibc()?.call ?? {});
hasCipher("system");
