/** The pages in a browser, with scripts and without, wide and as narrow as a phone: nothing is said, nobody else is asked. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import axe from "axe-core";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { rawOf } from "../../src/core/raw.ts";
import { hashPassword } from "../../src/server/accounts/passwords.ts";
import { UserFile } from "../../src/server/accounts/user_file.ts";
import { twoVaults } from "../support/two_vaults.ts";
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
  const check = { kind: "check", every: "0 5 * * 0", limits: { role: "admin", below: [] } };
  Deno.writeTextFileSync(`${server.jobs}/recurring/checks.json`, JSON.stringify(check));
}

async function signedIn(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/files`);
  await page.getByLabel("Name").fill("anna");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${origin}/files`);
}

/** All boxes at once; the directory is sent for as a whole. Without scripts there is no such box. */
async function chooseAll(page: Page): Promise<void> {
  const box = page.getByLabel("Choose letter.txt");
  await box.check();
  if (await page.getByLabel("Choose all").count() === 0) return await box.uncheck();
  await page.getByLabel("Choose all").check();
  ok(await page.getByLabel("Choose 2025").isChecked());
  const [request] = await Promise.all([
    page.waitForRequest((one) => one.url().includes("/archive/")),
    page.getByRole("button", { name: "Download what is chosen as ZIP" }).click(),
  ]);
  ok(!request.url().includes("only="), request.url());
  await page.getByLabel("Choose all").uncheck();
  ok(!await box.isChecked());
}

async function lookAround(page: Page, origin: string, server: WebServer): Promise<void> {
  await signedIn(page, origin);
  await page.getByRole("link", { name: "photos" }).click();
  await chooseAll(page);
  await page.getByRole("link", { name: "letter.txt", exact: true }).click();
  await page.getByText("third").waitFor();
  await page.getByRole("link", { name: "Snapshot before" }).click();
  await page.getByText("second").waitFor();
  strictEqual(await page.getByRole("link", { name: /^Get the version/ }).count(), 3);
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

/** By its form: what is wrong stands beside the field, and what it would do is shown before. */
async function makeJob(page: Page, origin: string, server: WebServer): Promise<void> {
  await signedIn(page, origin);
  await page.goto(`${origin}/jobs`);
  await page.getByRole("link", { name: "backup", exact: true }).click();
  await page.getByLabel("Directories and files").fill("/etc");
  await page.getByLabel("Schedule").fill("soon");
  await page.getByLabel("Name of the series").fill("nightly");
  await page.getByRole("button", { name: "Check" }).click();
  await page.getByText(/Expected a cron expression/).first().waitFor();
  strictEqual(await page.getByLabel("Schedule").getAttribute("aria-invalid"), "true");
  await page.getByLabel("Schedule").fill("0 3 * * *");
  await page.getByRole("button", { name: "Check" }).click();
  await page.getByText(/outside of what may be backed up/).first().waitFor();
  const below = /may read what is below (.*)\.$/.exec(await page.locator("main > p").first().innerText())?.[1] ?? "";
  await page.getByLabel("Directories and files").fill(below);
  await page.getByLabel("Patterns", { exact: true }).fill("*.tmp\n*.bak");
  await page.getByRole("button", { name: "Show what it would do" }).click();
  await page.getByRole("heading", { name: "What it would do" }).waitFor();
  strictEqual(await page.getByLabel("Patterns", { exact: true }).inputValue(), "*.tmp\n*.bak");
  await page.getByRole("button", { name: "Put in" }).click();
  await page.getByRole("link", { name: "Edit nightly.jsonc" }).click();
  await page.getByLabel("Schedule").fill("0 4 * * *");
  await page.getByRole("button", { name: "Save" }).click();
  page.once("dialog", (dialog) => void dialog.accept());
  await page.getByRole("button", { name: "Pause nightly.jsonc for a week" }).click();
  await page.getByRole("button", { name: "Resume nightly.jsonc" }).waitFor();
  const { text } = server.desk.recurring.read("nightly.jsonc"), { limits, by, ...job } = JSON.parse(text);
  deepStrictEqual([limits, by], [{ role: "admin", below: [below] }, "anna"]);
  const said = { kind: "backup", sources: [below], name: "nightly", exclude: ["*.tmp", "*.bak"] };
  deepStrictEqual(job, { ...said, every: "0 4 * * *" });
}

/** Into a new directory, after a look at what it would do; then an account with a token. */
async function restoreAndManage(page: Page, origin: string, server: WebServer): Promise<void> {
  await signedIn(page, origin);
  await page.getByRole("link", { name: "photos" }).click();
  await page.getByRole("link", { name: "2025/", exact: true }).click();
  await page.getByRole("link", { name: "Restore ..." }).click();
  await page.getByLabel("Its name").fill("here it is");
  await page.getByRole("button", { name: "Show what it would do" }).click();
  await page.getByRole("heading", { name: "What it would do" }).waitFor();
  strictEqual(await page.getByLabel("Its name").inputValue(), "here it is");
  await page.getByRole("button", { name: "Restore", exact: true }).click();
  await page.getByRole("heading", { name: "Waiting" }).waitFor();
  const [waiting = ""] = server.desk.waiting();
  ok(waiting.startsWith("web-restore-"), waiting);
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByLabel("Name").fill("tom");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Remove tom" }).waitFor();
  await page.getByLabel("For which program").fill("phone");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByText(/^bt_[0-9a-f]{64}$/).waitFor();
}

const WAYS: Readonly<Record<string, BrowserContextOptions>> = {
  "with scripts": { viewport: { width: 1100, height: 800 } },
  "without scripts, on a phone, in the dark": {
    javaScriptEnabled: false,
    viewport: { width: 375, height: 812 },
    colorScheme: "dark",
  },
};

type Flow = (page: Page, origin: string, server: WebServer) => Promise<void>;

/** Nothing may be said on the console, and nobody else asked. */
function browserTest(name: string, settings: BrowserContextOptions, flow: Flow): void {
  Deno.test({
    name,
    ignore: !isFile(CHROMIUM),
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      using world = await filled();
      const share = `${world.base}/share`;
      Deno.mkdirSync(share);
      const { reader, desk } = await twoVaults(world);
      await using _ = reader;
      await using server = await webServer(world, {}, {
        vaults: desk,
        restoreBelow: [rawOf(share)],
        sourcesBelow: [rawOf(world.source)],
      });
      await addAnna(world, server);
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"], timeout: PATIENCE_MS });
      try {
        const page = await (await browser.newContext(settings)).newPage(), said: string[] = [];
        page.setDefaultTimeout(PATIENCE_MS);
        const origin = `http://127.0.0.1:${server.port}`;
        page.on("console", (message) => {
          // Chromium tells of what signing out does.
          if (!message.text().startsWith("Clear-Site-Data")) said.push(message.text());
        });
        page.on("pageerror", (error) => said.push(error.message));
        page.on("request", (request) => {
          if (!request.url().startsWith(`${origin}/`)) said.push(request.url());
        });
        await flow(page, origin, server);
        deepStrictEqual(said, []);
      } finally {
        await browser.close();
      }
    },
  });
}

for (const [way, settings] of Object.entries(WAYS)) {
  const looks = `a browser signs in, looks through time, searches, starts a job and takes it out, ${way}`;
  browserTest(looks, settings, async (page, origin, server) => {
    await lookAround(page, origin, server);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  });
  browserTest(`a browser makes a recurring job by its form, changes and pauses it, ${way}`, settings, makeJob);
  browserTest(`a browser restores, and makes accounts and tokens, ${way}`, settings, restoreAndManage);
}

const PAGES = [
  "/",
  "/files",
  "/browse/photos:latest",
  "/browse/photos:latest/letter.txt",
  "/compare/letter.txt?before=photos:latest~1&now=photos:latest",
  "/changes?now=photos:latest",
  "/restore/photos:latest/2025",
  "/search?q=letter*",
  "/storage",
  "/jobs",
  "/jobs/new/backup",
  "/jobs/new/text",
  "/jobs/recurring/checks.json",
  "/accounts",
  "/activity",
  "/notifications",
  "/password",
  "/vaults",
  "/vaults/far",
  "/vaults/lost",
];
const LOOKS: Readonly<Record<string, BrowserContextOptions>> = {
  light: { viewport: { width: 1100, height: 800 } },
  dark: { viewport: { width: 1100, height: 800 }, colorScheme: "dark" },
  phone: { viewport: { width: 375, height: 812 } },
};

for (const [look, settings] of Object.entries(LOOKS)) {
  browserTest(
    `axe finds nothing wrong with any page, and none moves sideways: ${look}`,
    settings,
    async (page, origin) => {
      await page.goto(`${origin}/sign-in`);
      deepStrictEqual(await violations(page), [], "sign-in");
      await signedIn(page, origin);
      for (const path of PAGES) {
        await page.goto(`${origin}${path}`);
        deepStrictEqual(await violations(page), [], path);
        const isTooWide = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
        ok(!await page.evaluate(isTooWide), path);
      }
    },
  );
}

/** What axe finds: rules, and the elements that break them. */
async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate("axe.run()") as { readonly violations: readonly axe.Result[] };
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}
