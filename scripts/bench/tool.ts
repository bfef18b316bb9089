/** Which program is measured. */
import { fileURLToPath } from "node:url";
import { V8_FLAGS } from "../build.ts";
import { exists } from "./measure.ts";

/**
 * The source runs in this runtime, with the settings of an executable.
 * @param option an executable, "source", or undefined: the one that was built, where it exists
 */
export function toolFor(option: string | undefined): readonly string[] {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const executable = option === undefined ? `${root}dist/backup-tool` : option;
  if (option !== "source" && exists(executable)) return [Deno.realPathSync(executable)];
  if (option !== "source" && option !== undefined) throw new TypeError(`Cannot find the executable ${option}`);
  return [Deno.execPath(), "run", "-A", `--v8-flags=${V8_FLAGS}`, `${root}main.ts`];
}
