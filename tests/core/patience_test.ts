import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Fault } from "../../src/core/fault.ts";
import { patiently } from "../../src/core/patience.ts";
import { TestClock } from "../support/world.ts";

class Held extends Fault {
  readonly hint = "Wait";
  readonly code: string;
  constructor(code = "locked") {
    super("another run is writing to it");
    this.code = code;
  }
}

/** A clock on which a pause takes as long as it should, and no time of the test. */
class PausingClock extends TestClock {
  readonly pauses: number[] = [];
  override sleep = (ms: number): Promise<void> => {
    this.pauses.push(ms);
    this.ms += ms;
    return Promise.resolve();
  };
}

function impatient(waitMs: number, signal = new AbortController().signal) {
  const notices: string[] = [];
  const clock = new PausingClock();
  return { notices, clock, patience: { waitMs, signal, notice: (text: string) => void notices.push(text) } };
}

Deno.test("what is held is waited for, and told of once", async () => {
  const { notices, clock, patience } = impatient(3_600_000);
  let tries = 0;
  const attempt = () => {
    if (++tries < 30) throw new Held();
    return "done";
  };
  strictEqual(await patiently(attempt, { clock, patience }), "done");
  deepStrictEqual([tries, notices], [30, ["Waiting: another run is writing to it"]]);
  deepStrictEqual([clock.pauses[0], Math.max(...clock.pauses)], [100, 5_000]);
});

Deno.test("the wait ends when its time is over: after a last attempt, exactly then", async () => {
  for (const code of ["locked", "vault-in-use", "vault-busy", "source-locked"]) {
    const { clock, patience } = impatient(90_000), startMs = clock.nowMs();
    let lastMs = 0;
    const attempt = () => {
      lastMs = clock.nowMs();
      throw new Held(code);
    };
    await rejects(patiently(attempt, { clock, patience }), { code });
    strictEqual(lastMs - startMs, 90_000);
  }
});

Deno.test("without patience, after another failure and when somebody wants to stop, nothing is waited for", async () => {
  const { clock, patience } = impatient(90_000), stop = AbortSignal.abort();
  const failing = (code: string) => () => Promise.reject(new Held(code));
  await rejects(patiently(failing("locked"), { clock }), { code: "locked" });
  await rejects(patiently(failing("no-storage"), { clock, patience }), { code: "no-storage" });
  await rejects(patiently(failing("locked"), { clock, patience: { ...patience, signal: stop } }), { code: "locked" });
  deepStrictEqual(clock.pauses, []);
});
