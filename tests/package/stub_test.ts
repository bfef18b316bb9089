import { strictEqual } from "node:assert/strict";
import { compilerName, compileStub } from "../../scripts/package/one_file/rebuild_stub.ts";
import { STUB, STUB_COMPILER, STUB_FIRST } from "../../scripts/package/one_file/stub_bytes.ts";
import { has } from "../support/needs.ts";

const compiler = has("gcc", "ld", "objcopy", "nm") ? await compilerName() : undefined;

Deno.test({
  name: "the stub's machine code is what its source makes, with the compiler that made it",
  ignore: compiler !== STUB_COMPILER,
}, async () => {
  const { bytes, first } = await compileStub();
  strictEqual(bytes.toBase64(), STUB.toBase64());
  strictEqual(first, STUB_FIRST);
});
