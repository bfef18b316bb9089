/** Reads the index of a huge vault and plans a prune, in a process of its own, so that its memory can be told. */
import { loadAndPlan } from "../support/huge_vault.ts";

const [location = "", state = ""] = Deno.args;
const plan = await loadAndPlan(location, state);
const [, peakKib = "0"] = /^VmHWM:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
console.log(JSON.stringify({ ...plan, peakMb: Math.round(Number(peakKib) / 1024) }));
