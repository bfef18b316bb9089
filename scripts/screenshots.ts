/**
 * Pictures of every page in a browser, for people to look at: light, dark, and as wide as a phone.
 *
 *     deno run -A scripts/screenshots.ts http://127.0.0.1:8480 NAME PASSWORD DIRECTORY
 *
 * Needs Chromium on the machine (`CHROMIUM`, or /usr/bin/chromium).
 */
import { chromium, type Page } from "playwright-core";

const PAGES: Readonly<Record<string, string>> = {
  status: "/",
  files: "/files",
  browse: "/browse/photos:latest/2025",
  snapshot: "/browse/photos:latest",
  series: `/series/${encodeURIComponent(Deno.hostname())}/photos`,
  file: "/browse/photos:latest/letter.txt",
  search: "/search?q=raw",
  changes: "/changes?now=photos:latest",
  compare: "/compare/letter.txt?before=photos:latest~1&now=photos:latest",
  restore: "/restore/photos:latest/2025",
  jobs: "/jobs",
  job: "/jobs/new/backup",
  "job-text": "/jobs/new/text",
  "job-tag": "/jobs/new/tag?snapshots=photos:latest",
  "job-prune": "/jobs/new/prune",
  "job-recurring": "/jobs/recurring/checks.json",
  "job-failed": "/jobs?outcome=failed",
  storage: "/storage",
  accounts: "/accounts",
  activity: "/activity",
  notifications: "/notifications",
  password: "/password",
  vaults: "/vaults",
  vault: "/vaults/usb",
};
const LOOKS = {
  light: { colorScheme: "light", viewport: { width: 1100, height: 800 } },
  dark: { colorScheme: "dark", viewport: { width: 1100, height: 800 } },
  phone: { colorScheme: "dark", viewport: { width: 375, height: 812 } },
} as const;

if (import.meta.main) {
  const [address, name, password, directory] = Deno.args;
  if (address === undefined || name === undefined || password === undefined || directory === undefined) {
    console.error("usage: screenshots.ts ADDRESS NAME PASSWORD DIRECTORY");
    Deno.exit(2);
  }
  await takeAll(address, { name, password }, directory);
}

async function takeAll(address: string, who: { readonly name: string; readonly password: string }, directory: string) {
  const executablePath = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  Deno.mkdirSync(directory, { recursive: true });
  for (const [look, settings] of Object.entries(LOOKS)) {
    const context = await browser.newContext(settings), page = await context.newPage();
    page.on("console", (message) => console.log(`${look}: console: ${message.text()}`));
    page.on("request", (request) => {
      if (!request.url().startsWith(address)) console.log(`${look}: another host: ${request.url()}`);
    });
    await page.goto(`${address}/sign-in`);
    await take(page, `${directory}/sign-in-${look}.png`);
    await page.getByLabel("Name").fill(who.name);
    await page.getByLabel("Password").fill(who.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${address}/`);
    for (const [title, path] of Object.entries(PAGES)) {
      await page.goto(`${address}${path}`);
      await take(page, `${directory}/${title}-${look}.png`);
    }
    await context.close();
  }
  await browser.close();
}

async function take(page: Page, path: string): Promise<void> {
  const isTooWide = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth");
  if (isTooWide) console.log(`${path}: has to be moved sideways`);
  await page.screenshot({ path, fullPage: true });
}
