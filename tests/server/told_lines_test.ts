/** Lines that work tells as a stream: whole, in order, and no faster than they are taken. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { LINES_LENGTH, ToldLines } from "../../src/server/reader/told_lines.ts";
import { Interrupted } from "../../src/core/fault.ts";

const LONG = "x".repeat(LINES_LENGTH / 4);

/** Tells numbered lines. @param told receives each number */
async function work(lines: ToldLines, count: number, told: (n: number) => void): Promise<void> {
  for (let n = 0; n < count; n++) {
    await lines.ready();
    lines.tell({ n, LONG });
    told(n);
  }
}

function numbersIn(part: Uint8Array): number[] {
  return new TextDecoder().decode(part).trimEnd().split("\n").map((line) => JSON.parse(line).n);
}

Deno.test("All lines come in order, the last value after them, and the work never gets far ahead", async () => {
  const lines = new ToldLines(), got: number[] = [];
  let told = 0;
  for await (const part of lines.parts(work(lines, 100, () => told++), () => ({ n: "last" }))) {
    got.push(...numbersIn(part));
    await new Promise((wake) => setTimeout(wake, 0));
    ok(told - got.length <= 4, `${told} of which ${got.length} were taken`);
  }
  deepStrictEqual(got, [...Array.from({ length: 100 }, (_, n) => n), "last"]);
});

Deno.test("Work whose lines nobody takes any more ends, and what fails ends the lines", async () => {
  const dropped = new ToldLines();
  let told = 0;
  const working = work(dropped, 1000, () => told++);
  for await (const part of dropped.parts(working, () => ({}))) {
    strictEqual(numbersIn(part)[0], 0);
    break;
  }
  await rejects(working, Interrupted);
  ok(told < 20, `${told}`);
  const unasked = new ToldLines(), stopped = Promise.withResolvers<never>();
  unasked.signal.addEventListener("abort", () => stopped.reject(new Interrupted()));
  for (let n = 0; n < 5; n++) unasked.tell({ n, LONG });
  for await (const _ of unasked.parts(stopped.promise, () => ({}))) break;
  await rejects(stopped.promise, Interrupted, "work that never asks has the signal");
  const failing = new ToldLines(), parts: Uint8Array[] = [];
  const fails = async () => {
    await work(failing, 10, () => {});
    throw new Error("a disk");
  };
  await rejects(async () => {
    for await (const part of failing.parts(fails(), () => ({}))) parts.push(part);
  }, /a disk/);
  ok(parts.length > 0);
});
