/** The page in a browser: a folder, a passphrase, files. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "playwright-core";
import { cleanName, CleanPaths } from "../../src/recover/names.ts";
import { STORAGE_PAGE } from "../../src/cli/recover/recover_page.ts";
import { makePage, PAGE } from "../../scripts/make_recover_page.ts";
import { run, World } from "../support/world.ts";

const CHROMIUM = "/usr/bin/chromium";
const FIXTURES = fileURLToPath(new URL("../formats/fixtures/vault-1", import.meta.url));
const MOST_BYTES = 300_000;

Deno.test("the page that is kept is what its sources make", async () => {
  const page = await makePage();
  ok(page === Deno.readTextFileSync(PAGE), "run `deno run -A scripts/make_recover_page.ts`");
  ok(page.length < MOST_BYTES, `${page.length} bytes`);
  match(
    page,
    /default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; img-src blob:; form-action 'none'/,
  );
});

Deno.test("names are ones that every system takes, and no two of them are one", () => {
  deepStrictEqual(
    ["a/b", "..", "CON", "nul.txt", "x.", "C:evil", "a\u202eb", "\udcff.txt", "", "fine.txt", "smile 😀"].map(
      cleanName,
    ),
    ["a_b", "._", "_CON", "_nul.txt", "x_", "C_evil", "a_b", "_.txt", "_", "fine.txt", "smile 😀"],
  );
  const paths = new CleanPaths();
  deepStrictEqual(
    ["d/A.txt", "d/a.txt", "D/x", "d/x", "..\\..\\evil"].map((path) => paths.file(path)),
    ["d/A.txt", "d/a (2).txt", "D (2)/x", "d/x", ".._.._evil"],
  );
});

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

type Use = (page: Page, world: World, said: readonly string[]) => Promise<void>;

/** Opens a page from the disk, as somebody would whose browser has no pickers for directories. */
async function inBrowser(use: Use, url = PAGE.href): Promise<void> {
  using world = new World();
  run("tar", "-C", world.base, "-xpzf", `${FIXTURES}/encrypted.tar.gz`);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage({ acceptDownloads: true }), said: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(error.message));
    page.on("request", (request) => {
      if (!/^(?:file|blob|data):/.test(request.url())) said.push(request.url());
    });
    await page.addInitScript("delete window.showDirectoryPicker; delete window.showSaveFilePicker;");
    await page.goto(url);
    await use(page, world, said);
  } finally {
    await browser.close();
  }
}

Deno.test({
  name: "a browser opens a vault: snapshots, folders, a preview, a verified file, a ZIP that unpacks",
  ignore: !isFile(CHROMIUM),
  sanitizeOps: false,
  sanitizeResources: false,
  fn: () =>
    inBrowser(async (page, world, said) => {
      await page.setInputFiles("#files", `${world.base}/vault`);
      await page.fill("#secret", "a wrong passphrase");
      await page.click("#form button");
      await page.getByText("That passphrase opens no key of this vault").waitFor();
      await page.fill("#secret", Deno.readTextFileSync(`${world.base}/key`));
      await page.click("#form button");
      await page.locator("#rows tr").first().waitFor();
      const options = await page.locator("#snapshots option").allTextContents();
      const counts = options.map((text) => Number(/(\d+) files/.exec(text)?.[1])), most = Math.max(...counts);
      strictEqual(counts.length, 3);
      await page.selectOption("#snapshots", { index: counts.indexOf(most) });
      await page.locator("#rows tr").nth(1).waitFor();
      strictEqual(await page.inputValue("#secret"), "", "the key doesn't stay on the page");
      const [zip] = await Promise.all([page.waitForEvent("download"), page.click("#zip")]);
      await zip.saveAs(`${world.base}/all.zip`);
      run("unzip", "-tq", `${world.base}/all.zip`);
      run("unzip", "-qd", `${world.base}/out`, `${world.base}/all.zip`);
      const unpacked = run("find", `${world.base}/out`, "-type", "f").split("\n").filter((line) => line !== "");
      const own = unpacked.filter((name) => !name.endsWith("backup-errors.txt"));
      strictEqual(own.length, most);
      await page.getByText(/^Saved/).waitFor();
      for (const path of own) ok(isFile(path), path);
      deepStrictEqual(said, []);
    }),
});

Deno.test({
  name: "the page without a field for a key opens a storage that it lies in, and no encrypted vault",
  ignore: !isFile(CHROMIUM),
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    using pages = new World();
    const path = `${pages.base}/recover.html`;
    Deno.writeTextFileSync(path, STORAGE_PAGE);
    await inBrowser(async (page, world, said) => {
      world.write("dir/a.txt", "some text");
      await world.backup();
      Deno.writeTextFileSync(`${world.storagePath}/recover.html`, STORAGE_PAGE);
      strictEqual(await page.locator("textarea, input:not([type=file])").count(), 0);
      strictEqual(await page.getByText("passphrase").count(), 0);
      await page.setInputFiles("#files", `${world.base}/vault`);
      await page.getByText("has no field for a key").waitFor();
      await page.setInputFiles("#files", world.storagePath);
      await page.getByText("this is not encrypted").waitFor();
      await page.click("#form button");
      await page.getByRole("button", { name: "dir/" }).click();
      await page.getByRole("button", { name: "a.txt", exact: true }).click();
      await page.locator("#preview pre").waitFor();
      strictEqual(await page.locator("#preview pre").textContent(), "some text");
      deepStrictEqual(said, []);
    }, `file://${path}`);
  },
});
