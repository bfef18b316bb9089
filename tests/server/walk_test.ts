/** A walk through all that the OpenAPI document tells of, by every role, with any values: never a bug, never a broken promise. */
import fc from "fast-check";
import { ok, strictEqual } from "node:assert/strict";
import { rounds, SEED } from "../support/effort.ts";
import { type Answer, ask, tokenOf, TOKENS, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: "path" | "query" }[];
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

const encoded = (text: string) => encodeURIComponent(text.toWellFormed()).replaceAll(".", "%2e");
const SEGMENT = fc.oneof(
  fc.constantFrom("latest", "photos:latest", "latest~1", "a.txt", "sub", "%ff%fe", "0", "-1", "f".repeat(66)),
  fc.string({ minLength: 1, maxLength: 20 }).map(encoded),
);
const VALUE = fc.oneof(
  fc.constantFrom(
    "",
    "1",
    "0",
    "-1",
    "1e9",
    "10M",
    "2026-11-20",
    "latest",
    "photos:latest",
    "/sub",
    "*",
    "[",
    "%00",
    "%ff",
  ),
  fc.string({ maxLength: 40 }).map(encoded),
);
const BODY = fc.oneof(
  fc.constantFrom("", "{", "null", "[]", '{"kind":"check"}', '{"kind":"restore","snapshot":"latest","target":"/x"}'),
  fc.json({ maxDepth: 3 }),
);

/** One request: target, method, body, and whose. */
function requests(paths: Paths) {
  const operations = Object.entries(paths).filter(([path]) => path !== "/api/v1/events").flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters }]) => ({ path, method: method.toUpperCase(), parameters }))
  );
  return fc.constantFrom(...operations).chain(({ path, method, parameters }) =>
    fc.record({
      method: fc.constant(method),
      path: fc.constant(path),
      segments: fc.array(SEGMENT, { minLength: 4, maxLength: 4 }),
      query: fc.array(fc.tuple(fc.constantFrom("x", ...parameters.map(({ name }) => name)), VALUE), { maxLength: 4 }),
      body: BODY,
      name: fc.constantFrom(...TOKENS),
    })
  );
}

function assertKept({ status, headers, text, isWhole }: Answer, what: string): void {
  ok(status < 500 && isWhole, `${what}: ${status} ${text}`);
  const type = headers.get("content-type") ?? "";
  if (type.includes("json") && text !== "") JSON.parse(text);
  if (status < 400 || type !== "application/problem+json") return;
  const problem = JSON.parse(text);
  strictEqual(problem.status, status, what);
  for (const key of ["code", "detail", "hint"]) ok(problem[key] !== "" && typeof problem[key] === "string", what);
}

Deno.test("Whoever asks for whatever, and sends whatever, gets an answer that keeps to the document", async () => {
  using world = new World({ inMemory: true });
  world.write("a.txt", "a");
  world.write("sub/b", "b");
  await world.backup({ name: "photos" });
  world.write("a.txt", "other");
  await world.backup({ name: "photos" });
  await using server = await webServer(world);
  const { paths } = JSON.parse((await ask(server, "/openapi.json", { token: tokenOf("watch") })).text);
  const seen = new Set<string>();
  const walked = fc.asyncProperty(requests(paths), async ({ method, path, segments, query, body, name }) => {
    const left = [...segments];
    const target = path.replace(/\{[^}]+\}/g, () => left.pop() ?? "x") +
      (query.length === 0 ? "" : `?${query.map(([key, value]) => `${key}=${value}`).join("&")}`);
    const hasBody = method === "POST" || method === "PUT";
    const answer = await ask(server, target, {
      method,
      token: tokenOf(name),
      ...(hasBody && { body, headers: { "content-type": "application/json" } }),
    });
    assertKept(answer, `${name}: ${method} ${target} ${hasBody ? body : ""}`);
    seen.add(`${method} ${path}`);
  });
  await fc.assert(walked, { numRuns: rounds(400, 5000), ...(SEED !== undefined && { seed: SEED }) });
  ok(seen.size > 10, [...seen].join());
  const bugs = server.log.filter(({ event }) => event === "server-bug").map(({ message }) => message);
  strictEqual(bugs.join("\n"), "");
});
