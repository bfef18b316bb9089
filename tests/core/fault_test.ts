import { match, ok, strictEqual } from "node:assert/strict";
import { BadId, BadPath, BadUsage, Fault, Interrupted } from "../../src/core/fault.ts";
import { BadPattern } from "../../src/source/pattern.ts";
import { NoSource, SourceGone } from "../../src/source/walk.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import { rawOf } from "../../src/core/raw.ts";

const PATH = rawOf("/a\n\x1b/\udcff");

const FAULTS: readonly Fault[] = [
  new BadId("content id", "x\x07"),
  new BadPath("a\nb"),
  new BadUsage("Cannot do that"),
  new Interrupted(),
  new BadPattern("[\n", "a [ has no ]"),
  new NoSource(PATH),
  new SourceGone(PATH),
  new DiskFault("EIO", "read", PATH),
  new DiskFault("E4711", "read", PATH),
];

for (const fault of FAULTS) {
  Deno.test(`${fault.code}: the message is one sentence without a period, the hint another`, () => {
    for (const text of [fault.message, fault.hint]) {
      match(text, /^[A-Z]/);
      ok(!/[.\s]$/.test(text), text);
    }
  });

  Deno.test(`${fault.code}: nothing that a name holds can break a line or a terminal`, () => {
    // deno-lint-ignore no-control-regex -- the control characters are meant
    ok(!/[\x00-\x1f\x7f]/.test(fault.message), fault.message);
  });

  Deno.test(`${fault.code}: a stack trace begins with the code`, () => {
    strictEqual(fault.name, fault.code);
    ok(`${fault}`.startsWith(`${fault.code}: `));
    ok(fault instanceof Error && fault instanceof Fault);
  });
}
