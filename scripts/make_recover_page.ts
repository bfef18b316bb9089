/**
 * Makes the page that opens vaults and storages in a browser, one file without anything beside it.
 *
 *   deno run -A scripts/make_recover_page.ts
 *
 * It is kept in the repository, so that the same source prints the same page everywhere: its SHA-256 stands on paper.
 */
import { fileURLToPath } from "node:url";

const ROOT = new URL("../", import.meta.url);
const SOURCES = new URL("src/recover/", ROOT);
export const PAGE = new URL("src/cli/recover/recover.html", ROOT);

/** The page as its sources make it. */
export async function makePage(): Promise<string> {
  const [script, style, template] = await Promise.all([
    bundled(),
    Deno.readTextFile(new URL("page.css", SOURCES)),
    Deno.readTextFile(new URL("page.html", SOURCES)),
  ]);
  const parts = { policy: await policyFor(script, style), script, style };
  return template.replace(/\{\{(policy|script|style)\}\}/g, (_, name: keyof typeof parts) => parts[name]);
}

/** What the page is can run, and nothing else: not even a mistake of ours could send anything anywhere. */
async function policyFor(script: string, style: string): Promise<string> {
  const [ofScript, ofStyle] = await Promise.all([script, style].map(digestOf));
  return [
    "default-src 'none'",
    `script-src 'sha256-${ofScript}'`,
    `style-src 'sha256-${ofStyle}'`,
    "img-src blob:",
    "form-action 'none'",
    "base-uri 'none'",
  ].join("; ");
}

async function digestOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return btoa(String.fromCharCode(...digest));
}

async function bundled(): Promise<string> {
  const args = [
    "bundle",
    "-q",
    "--platform=browser",
    "--format=iife",
    "--minify",
    fileURLToPath(new URL("page.ts", SOURCES)),
  ];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`Cannot bundle the page:\n${decoder.decode(stderr)}`);
  const text = decoder.decode(stdout);
  // What would end the element, or begin a comment in it.
  return text.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
}

if (import.meta.main) await Deno.writeTextFile(PAGE, await makePage());
