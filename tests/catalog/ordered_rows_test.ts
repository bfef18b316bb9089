import { deepStrictEqual } from "node:assert/strict";
import { OrderedRows } from "../../src/catalog/ordered_rows.ts";

Deno.test("rows come by their numbers, in the order of adding, also to several who ask by turns", () => {
  using rows = new OrderedRows();
  for (let i = 0; i < 4000; i++) rows.add(i % 2 === 0 ? 2 ** 40 : 7, `${i}`);
  deepStrictEqual([...rows.keys()], [7, 2 ** 40]);
  const [odd, even] = [rows.of(7), rows.of(2 ** 40)], seen: string[] = [];
  for (let i = 0; i < 2000; i++) seen.push(even.next().value ?? "", odd.next().value ?? "");
  deepStrictEqual(seen, Array.from({ length: 4000 }, (_, i) => `${i}`));
  deepStrictEqual([even.next().done, odd.next().done, [...rows.of(8)]], [true, true, []]);
});
