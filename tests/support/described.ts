/** Whether answers of a server are what the descriptions of its routes say. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { parseTarget } from "../../src/server/exchange/target.ts";
import { Matcher } from "../../src/server/front/matching.ts";
import { PROBLEM } from "../../src/server/api/schemas/stored.ts";
import { ROUTES } from "../../src/server/routes.ts";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly isWhole: boolean;
}

let matcher: Matcher | undefined;

/** Checks the status, the media type, and that JSON has the keys of its schema, and no others. */
export function assertDescribed(method: string, target: string, answer: Answer): void {
  const segments = parseTarget(target)?.segments, { status, headers, text, isWhole } = answer;
  const found = segments === undefined ? undefined : (matcher ??= new Matcher(ROUTES)).find(method, segments);
  if (found === undefined || !("route" in found) || found.route.about === undefined || !isWhole) return;
  const what = `${method} ${target}: ${status} ${text.slice(0, 1000)}`, type = headers.get("content-type");
  const { replies, type: types = "application/json" } = found.route.about, schema = replies[status];
  if (schema === undefined) {
    ok(status >= 400, what);
    if (method !== "HEAD" && type === "application/problem+json") assertOf(PROBLEM, text, what);
  } else if (schema === null) strictEqual(text, "", what);
  else {
    ok([types].flat().includes(type?.split(";")[0] ?? ""), `${what}: ${type}`);
    if (type === "application/json" && method !== "HEAD" && !found.route.path.startsWith("/content/")) {
      assertOf(schema, text, what);
    }
  }
}

function assertOf(
  schema: { safeParse(value: unknown): { data?: unknown; error?: Error } },
  text: string,
  what: string,
) {
  const value: unknown = JSON.parse(text), { data, error } = schema.safeParse(value);
  strictEqual(error?.message, undefined, what);
  deepStrictEqual(data, value, `${what}: keys that the description doesn't name`);
}
