import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { Database } from "../../src/catalog/database.ts";
import { Verifications } from "../../src/catalog/verifications.ts";

interface Content {
  readonly content: string;
  readonly size: number;
}

/** A catalog that holds nothing but versions. */
function withVersions(contents: Iterable<Content>): Database {
  const database = new Database(":memory:", "update", { temp: undefined });
  database.exec("CREATE TABLE version (id INTEGER PRIMARY KEY, first INTEGER, size INTEGER, content BLOB)");
  const rows = JSON.stringify([...contents]);
  database.run(
    `INSERT INTO version (first, size, content)
      SELECT 1, value ->> 'size', unhex(value ->> 'content') FROM json_each(?)`,
    rows,
  );
  return database;
}

function* small(count: number): Generator<Content> {
  for (let i = 0; i < count; i++) {
    yield { content: createHash("sha256").update(String(i)).digest("hex"), size: 100 + i % 7 };
  }
}

Deno.test("how much a check will read is counted exactly where contents are few", () => {
  using database = withVersions([...small(1000), ...small(500)]);
  const verifications = new Verifications(database);
  deepStrictEqual(verifications.estimate(), verifications.total());
  strictEqual(verifications.total().contents, 1000);
});

Deno.test("of very many contents a part is counted, and every large one", () => {
  const large = 64 * 1024 ** 3;
  const contents = [{ content: "ff".repeat(32), size: large }, { content: "01".repeat(32), size: large }];
  using database = withVersions([...small(40_000), ...small(20_000), ...contents]);
  const verifications = new Verifications(database), exact = verifications.total(), about = verifications.estimate();
  strictEqual(exact.contents, 40_002);
  ok(Math.abs(about.contents / exact.contents - 1) < 0.05, `${about.contents} instead of ${exact.contents}`);
  ok(Math.abs((about.bytes - 2 * large) / (exact.bytes - 2 * large) - 1) < 0.05, `${about.bytes}`);
});
