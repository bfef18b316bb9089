/** Remote places opened for tests: with a clock that waits for nothing, and credentials of the test. */
import type { Backend } from "../../src/backend/backend.ts";
import { openBackend, type OpenOptions } from "../../src/backend/open.ts";
import type { Clock } from "../../src/core/clock.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { systemClock } from "../../src/platform/system_clock.ts";
import { random } from "./units.ts";

const disk = openDisk();

/** What fails is tried again, but nobody waits for it. */
export const impatient: Clock = {
  ...systemClock,
  zone: "UTC",
  sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 1), signal),
};

/** Minutes pass in moments. */
export function hastened(times: number): Clock {
  const start = Date.now();
  return {
    ...impatient,
    zone: "UTC",
    nowMs: () => start + (Date.now() - start) * times,
    every: (ms, action) => systemClock.every(ms / times, action),
  };
}

export async function openPlace(
  location: string,
  variables: Readonly<Record<string, string>> = {},
  options: Partial<OpenOptions> = {},
): Promise<Backend> {
  return await openBackend(location, {
    disk,
    random,
    clock: impatient,
    create: true,
    credentials: { env: (name) => variables[name] },
    ...options,
  });
}
