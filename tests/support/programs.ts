/**
 * Writes a program that a test starts. The test's own process must not: as long as a child that another of its threads
 * has just forked holds the file open for writing, it can't be started ("text file busy"). So another process writes it.
 */
export function writeProgram(path: string, content: string | Uint8Array<ArrayBuffer>): void {
  const draft = `${path}.draft`;
  Deno.writeFileSync(draft, typeof content === "string" ? new TextEncoder().encode(content) : content);
  const { success, stderr } = new Deno.Command("install", { args: ["-m", "755", draft, path] }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  Deno.removeSync(draft);
}
