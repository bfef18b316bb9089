import { ok, strictEqual } from "node:assert/strict";
import { systemClock } from "../../src/platform/system_clock.ts";

Deno.test("sleep() lasts its time, and ends when its signal says so", async () => {
  const begunMs = systemClock.nowMs();
  await systemClock.sleep(20);
  systemClock.sleepSync(20);
  ok(systemClock.nowMs() - begunMs >= 38, "waited");
  const controller = new AbortController();
  const slept = systemClock.sleep(3_600_000, controller.signal);
  controller.abort();
  await slept;
  await systemClock.sleep(3_600_000, controller.signal);
});

Deno.test("every() calls again and again until it is disposed", async () => {
  let calls = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  {
    using _ = systemClock.every(1, () => ++calls === 3 && resolve());
    await promise;
  }
  await systemClock.sleep(20);
  strictEqual(calls, 3);
});
