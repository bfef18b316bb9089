import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { VERSION } from "../../../src/core/version.ts";
import { compareVersions } from "../../../src/cli/session/releases.ts";
import { systemClock } from "../../../src/platform/system_clock.ts";
import { FakeWorld, runIn } from "../fake_world.ts";

/** What a server of releases answers. */
async function withReleases(answer: () => Response, test: (url: string, asked: string[]) => Promise<void>) {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    asked.push(new URL(url).pathname);
    return answer();
  });
  try {
    await test(`http://127.0.0.1:${server.addr.port}/tool`, asked);
  } finally {
    await server.shutdown();
  }
}

function newest(version: unknown): () => Response {
  return () => Response.json({ name: "backup-tool", version });
}

async function check(args: readonly string[], variables: Record<string, string> = {}) {
  const world = new FakeWorld();
  Object.assign(world, { clock: systemClock });
  Object.assign(world.variables, variables);
  const { status } = await runIn(world, "version", ...args);
  return { status, stdout: world.stdout.text, stderr: world.stderr.text };
}

Deno.test("version --check tells of a newer version, and asks for nothing else", async () => {
  await withReleases(newest("99.0.1"), async (url, asked) => {
    const { status, stdout } = await check(["--check", url]);
    deepStrictEqual([status, stdout], [
      0,
      `backup-tool ${VERSION}\n99.0.1 is there. Its release notes say what is new\n`,
    ]);
    deepStrictEqual(asked, ["/tool/newest.json"]);
  });
});

Deno.test("version --check says that this is the newest, or newer; the address may be in the environment", async () => {
  await withReleases(newest(VERSION), async (url) => {
    match((await check(["--check"], { BACKUP_TOOL_RELEASES: `${url}/` })).stdout, /\nThis is the newest version\n$/);
  });
  await withReleases(newest("0.0.1"), async (url) => {
    match((await check(["--check", url])).stdout, /\nThis is newer than 0\.0\.1, the newest release\n$/);
    deepStrictEqual(JSON.parse((await check(["--check", url, "--json"])).stdout), {
      name: "backup-tool",
      version: VERSION,
      newest: "0.0.1",
    });
  });
});

Deno.test("version asks nobody unless it is told to", async () => {
  await withReleases(newest("99.0.0"), async (url, asked) => {
    strictEqual((await check([], { BACKUP_TOOL_RELEASES: url })).stdout, `backup-tool ${VERSION}\n`);
    deepStrictEqual(asked, []);
  });
});

for (
  const { what, answer } of [
    { what: "no JSON", answer: () => new Response("<html>") },
    { what: "another program", answer: () => Response.json({ name: "else", version: "1.0.0" }) },
    { what: "no version", answer: newest("next") },
  ]
) {
  Deno.test(`version --check takes ${what} for no release`, async () => {
    await withReleases(answer, async (url) => {
      const { status, stderr } = await check(["--check", url]);
      strictEqual(status, 1);
      match(stderr, /says which version is the newest/);
    });
  });
}

Deno.test("version --check says what is wrong with an address or answer", async () => {
  match((await check(["--check"])).stderr, /needs to know where releases are[^]*BACKUP_TOOL_RELEASES/);
  match((await check(["--check", "file:///etc"])).stderr, /https: address/);
  await withReleases(() => new Response("", { status: 404 }), async (url) => {
    match((await check(["--check", url])).stderr, /status 404/);
  });
  await withReleases(() => new Response("x".repeat(100_000)), async (url) => {
    match((await check(["--check", url])).stderr, /too long/);
  });
});

Deno.test("compareVersions() compares numbers, not texts", () => {
  strictEqual(Math.sign(compareVersions("0.10.0", "0.9.9")), 1);
  strictEqual(compareVersions("1.2.3", "1.2.3"), 0);
  strictEqual(Math.sign(compareVersions("1.2.3", "2.0.0")), -1);
});
