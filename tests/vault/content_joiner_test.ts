/** Large contents put together from parts in any order: what is right and wrong, and how much is read for it. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { hash } from "node:crypto";
import fc from "fast-check";
import { type ContentId, knownContentId } from "../../src/core/content_id.ts";
import { DamagedContent } from "../../src/snapshot/faults.ts";
import { ContentJoiner } from "../../src/vault/read/content_joiner.ts";
import { WRONG_TOGETHER } from "../../src/vault/store/contents.ts";
import { rounds } from "../support/effort.ts";
import { noise, sha256 } from "../support/units.ts";

const PART_BYTES = 1000;

/** By number: what the part holds. */
const part = (number: number) => noise(PART_BYTES, number + 1);
const idOf = (number: number) => sha256(part(number));

interface Tried {
  readonly damages: readonly (string | undefined)[];
  /** Parts that were read besides. */
  readonly read: number;
}

/** @param contents parts of each @param order in which parts come @param mostHeld parts that are kept */
async function tried(
  contents: readonly (readonly number[])[],
  order: readonly number[],
  { mostHeld = 8, ids = contents.map(contentOf), lost = [] as number[] } = {},
): Promise<Tried> {
  let read = 0;
  const byId = new Map(contents.flat().map((number) => [idOf(number), number]));
  const fetch = (id: string, content: ContentId) => {
    const number = byId.get(id)!;
    if (lost.includes(number)) return Promise.reject(new DamagedContent(content, "it is lost"));
    read++;
    return Promise.resolve(part(number));
  };
  using joiner = new ContentJoiner(fetch, mostHeld * PART_BYTES);
  for (const [i, parts] of contents.entries()) await joiner.note(ids[i]!, batches(parts));
  joiner.start();
  for (const number of order) {
    ok(!byId.has(idOf(number)) || joiner.maybeWants(idOf(number)));
    await joiner.take(idOf(number), part(number));
  }
  const damages: (string | undefined)[] = [];
  for (const id of ids) damages.push(await joiner.damageOf(id));
  return { damages, read };
}

async function* batches(parts: readonly number[]): AsyncGenerator<readonly { readonly id: string }[]> {
  for (let at = 0; at < parts.length; at += 3) {
    yield await Promise.resolve(parts.slice(at, at + 3).map((number) => ({ id: idOf(number) })));
  }
}

function contentOf(parts: readonly number[]): ContentId {
  const whole = new Uint8Array(parts.length * PART_BYTES);
  for (const [i, number] of parts.entries()) whole.set(part(number), i * PART_BYTES);
  return knownContentId(hash("sha256", whole));
}

const range = (from: number, length: number) => Array.from({ length }, (_, i) => from + i);

Deno.test("contents whose parts come in order are read once, in whatever order their units come", async () => {
  const contents = [range(0, 200), range(200, 300), range(500, 1)];
  const orders = [range(0, 501), [...range(200, 300), ...range(0, 200), 500]];
  for (const order of orders) {
    deepStrictEqual(await tried(contents, order), { damages: [undefined, undefined, undefined], read: 0 });
  }
  // Two lanes of a unit, and two units that are read at once.
  const lanes = range(0, 100).flatMap((i) => [i * 2 + 1, i * 2]), both = range(0, 200).flatMap((i) => [i, 200 + i]);
  strictEqual((await tried(contents, [...lanes, ...range(200, 301)])).read, 0);
  strictEqual((await tried(contents, [...both, ...range(400, 101)])).read, 0);
});

Deno.test("a later version of a content goes along with the first: only what changed is read besides", async () => {
  const first = range(0, 400), changed = [0, 7, 99, 100, 250, 399];
  const second = first.map((number) => changed.includes(number) ? 1000 + number : number);
  const third = second.with(150, 2150);
  const order = [...first, ...changed.map((number) => 1000 + number), 2150];
  const { damages, read } = await tried([first, second, third], order);
  deepStrictEqual(damages, [undefined, undefined, undefined]);
  // Both that have a changed part may need it at other moments; the last one changed comes when it is awaited.
  ok(read <= 2 * changed.length + 1, `${read}`);
});

Deno.test("parts that are repeated all over a content are read no more than once for each place", async () => {
  const sparse = range(0, 300).map((number) => number % 5 === 0 ? 9999 : number);
  const order = [9999, ...sparse.filter((number) => number !== 9999)];
  const { damages, read } = await tried([sparse], order);
  deepStrictEqual(damages, [undefined]);
  strictEqual(read, 0, "it is at hand all the time");
});

Deno.test("lists with parts that are swapped, doubled, left out or of another content are found out", async () => {
  const parts = range(0, 60), right = contentOf(parts), other = range(100, 60);
  const wrong = [
    parts.with(10, 11).with(11, 10),
    parts.with(30, 29),
    parts.slice(0, -1),
    [...parts, 59],
    other,
    [],
  ];
  for (const list of wrong) {
    const { damages } = await tried([list, other], [...parts, ...other], { ids: [right, contentOf(other)] });
    deepStrictEqual(damages, [WRONG_TOGETHER, undefined]);
  }
});

Deno.test("whatever contents share and in whatever order parts come, right ones are right and wrong ones wrong", async () => {
  const list = fc.array(fc.nat(30), { maxLength: 120 });
  const cases = fc.record({
    lists: fc.array(fc.record({ list, isWrong: fc.boolean() }), { minLength: 1, maxLength: 6 }),
    order: fc.shuffledSubarray(range(0, 31)),
    mostHeld: fc.integer({ min: 0, max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ lists, order, mostHeld }) => {
      const contents = lists.map(({ list }) => list);
      // Contents with the same id would be one.
      const ids = contents.map((list, i) => contentOf(lists[i]!.isWrong ? [...list, 500 + i] : list));
      if (new Set(ids).size < ids.length) return;
      const { damages } = await tried(contents, order, { ids, mostHeld });
      deepStrictEqual(damages, lists.map(({ isWrong }) => isWrong ? WRONG_TOGETHER : undefined));
    }),
    { numRuns: rounds(60, 2000) },
  );
});

Deno.test("a part that is nowhere is said of the contents that need it, and the others are put together", async () => {
  const contents = [range(0, 40), [...range(0, 20), 77, ...range(20, 20)], range(100, 40)];
  const { damages } = await tried(contents, [...range(0, 40), ...range(100, 40)], { lost: [77], mostHeld: 2 });
  deepStrictEqual(damages, [undefined, "it is lost", undefined]);
});
