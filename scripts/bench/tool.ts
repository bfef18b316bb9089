/** Which program is measured. */
import { fileURLToPath } from "node:url";
import { exists } from "./measure.ts";

/** @param option an executable, "source", or undefined: the one that was built, where it exists */
export function toolFor(option: string | undefined): readonly string[] {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const executable = option === undefined ? `${root}dist/backup-tool` : option;
  if (option !== "source" && exists(executable)) return [Deno.realPathSync(executable)];
  if (option !== "source" && option !== undefined) throw new TypeError(`Cannot find the executable ${option}`);
  return [Deno.execPath(), "run", "-A", `${root}main.ts`];
}
