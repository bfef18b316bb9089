/** The pages in a browser, with scripts and without, wide and as narrow as a phone: nothing is said, nobody else is asked. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { rawOf } from "../../src/core/raw.ts";
import { hashPassword } from "../../src/server/accounts/passwords.ts";
import { UserFile } from "../../src/server/accounts/user_file.ts";
import { type WebServer, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

const CHROMIUM = "/usr/bin/chromium";
/** On a machine that has much else to do. */
const PATIENCE_MS = 180_000;
const PASSWORD = "four random words";

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const HOSTILE = '<img src=x onerror="alert(1)">.txt';

async function filled(): Promise<World> {
  const world = new World({ inMemory: true });
  Deno.mkdirSync(`${world.source}/2025`);
  for (const text of ["first", "second", "third"]) {
    Deno.writeTextFileSync(`${world.source}/letter.txt`, text);
    Deno.writeTextFileSync(`${world.source}/2025/${HOSTILE}`, text);
    await world.backup({ name: "photos" });
  }
  return world;
}

async function addAnna(world: World, server: WebServer): Promise<void> {
  const { random, disk } = world.machine;
  using dir = disk.openDir(rawOf(server.accounts));
  const password = await hashPassword(PASSWORD, random);
  new UserFile(dir).put({ name: "anna", role: "admin", tokens: [], password }, random);
  Deno.mkdirSync(`${server.jobs}/recurring`);
  const job = { kind: "backup", sources: ["/volume1/photos"], name: "photos", every: "0 3 * * *" };
  Deno.writeTextFileSync(`${server.jobs}/recurring/photos.json`, JSON.stringify(job));
}

async function signedIn(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/files`);
  await page.getByLabel("Name").fill("anna");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${origin}/files`);
}

async function lookAround(page: Page, origin: string, server: WebServer): Promise<void> {
  await signedIn(page, origin);
  await page.getByRole("link", { name: "photos" }).click();
  await page.getByRole("link", { name: "letter.txt", exact: true }).click();
  await page.getByText("third").waitFor();
  await page.getByRole("link", { name: "Snapshot before" }).click();
  await page.getByText("second").waitFor();
  strictEqual(await page.getByRole("link", { name: /^Download the version/ }).count(), 3);
  await page.getByRole("searchbox", { name: "Find in all backups" }).fill("onerror");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: `/2025/${HOSTILE}`, exact: true }).first().click();
  await page.getByRole("heading", { name: HOSTILE }).waitFor();
  for (const name of ["Storage", "Status", "Jobs"]) {
    await page.getByRole("link", { name, exact: true }).click();
    await page.getByRole("heading", { name, level: 1 }).waitFor();
    const isTooWide = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
    ok(!await page.evaluate(isTooWide), name);
  }
  await page.getByRole("button", { name: "Start photos.json" }).click();
  await page.getByRole("heading", { name: "Waiting" }).waitFor();
  const [waiting = ""] = server.desk.waiting();
  ok(waiting.startsWith("web-photos-"), waiting);
  page.once("dialog", (dialog) => void dialog.accept());
  await page.getByRole("button", { name: `Remove ${waiting}` }).click();
  await page.getByRole("heading", { name: "Waiting" }).waitFor({ state: "detached" });
  deepStrictEqual(server.desk.waiting(), []);
}

const WAYS: Readonly<Record<string, BrowserContextOptions>> = {
  "with scripts": { viewport: { width: 1100, height: 800 } },
  "without scripts, on a phone, in the dark": {
    javaScriptEnabled: false,
    viewport: { width: 375, height: 812 },
    colorScheme: "dark",
  },
};

for (const [way, settings] of Object.entries(WAYS)) {
  Deno.test({
    name: `a browser signs in, looks through time, searches, starts a job and takes it out, ${way}`,
    ignore: !isFile(CHROMIUM),
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      using world = await filled();
      await using server = await webServer(world);
      await addAnna(world, server);
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"], timeout: PATIENCE_MS });
      try {
        const page = await (await browser.newContext(settings)).newPage(), said: string[] = [];
        page.setDefaultTimeout(PATIENCE_MS);
        const origin = `http://127.0.0.1:${server.port}`;
        page.on("console", (message) => said.push(message.text()));
        page.on("pageerror", (error) => said.push(error.message));
        page.on("request", (request) => {
          if (!request.url().startsWith(`${origin}/`)) said.push(request.url());
        });
        await lookAround(page, origin, server);
        deepStrictEqual(said, []);
        await page.getByRole("button", { name: "Sign out" }).click();
        await page.getByRole("heading", { name: "Sign in" }).waitFor();
      } finally {
        await browser.close();
      }
    },
  });
}
