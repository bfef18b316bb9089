/** Shows long texts to a person at a terminal. */
import { shellWords } from "./process.ts";

/**
 * Shows a text in a pager, and waits until the person quits it.
 * @param line shell command, such as "less"
 * @returns false if it could not be started; nothing was shown
 */
export async function showPages(text: string, line: string): Promise<boolean> {
  const [file = "", ...args] = shellWords(line);
  // As git has it: colours are shown, a text that fits on the screen needs no key to leave, and stays there.
  const env = { LESS: Deno.env.get("LESS") ?? "FRX", LV: Deno.env.get("LV") ?? "-c" };
  // Ctrl-C is for the pager, which may be looking for something.
  const ignore = (): void => {};
  Deno.addSignalListener("SIGINT", ignore);
  try {
    const child = new Deno.Command(file, { args, env, stdin: "piped" }).spawn();
    await new Blob([text]).stream().pipeTo(child.stdin).catch(() => {}); // left before its end
    return (await child.status).code !== NOT_FOUND;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return false;
  } finally {
    Deno.removeSignalListener("SIGINT", ignore);
  }
}

/** What a shell answers that can't find a program. */
const NOT_FOUND = 127;
