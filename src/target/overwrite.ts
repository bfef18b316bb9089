/**
 * Decides what a restore does where something exists already: one decision for files, for other objects, and for a dry
 * run.
 */
import type { NsText } from "../core/entry.ts";
import { Fault } from "../core/fault.ts";
import type { Overwrite, Verdict } from "../core/restore_terms.ts";
import type { Stat } from "../core/stat.ts";

/** Mode of a file until it is complete. */
export const UNFINISHED_MODE = 0o600;

export class TargetTaken extends Fault {
  readonly code = "target-taken";
  readonly hint = "Choose an empty target, or say what to do with `--overwrite always|if-changed|if-newer|never`";
  constructor(path: string) {
    super(`Cannot restore ${JSON.stringify(path)}: something is there already`);
  }
}

export class TargetNewer extends Fault {
  readonly code = "target-newer";
  readonly hint = "Replace it with `--overwrite always`, or leave what is newer with `--overwrite if-newer`";
  constructor(path: string) {
    super(`Cannot restore ${JSON.stringify(path)}: what is there is newer`);
  }
}

/** The target is protected by a flag. Not even root may replace it, or create anything in such a directory. */
export class TargetProtected extends Fault {
  readonly code = "target-protected";
  readonly hint: string;
  constructor(path: string, what: string, flag: string) {
    super(`Cannot restore ${JSON.stringify(path)}: ${what} is ${flag}`);
    this.hint = `If it may be replaced, take the flag away with \`chattr -${flag === "immutable" ? "i" : "a"}\``;
  }
}

/** Decides about one object. Directories are never replaced. @param seemsSame called only if it matters */
export function decideOverwrite(
  overwrite: Overwrite,
  there: Stat | undefined,
  wanted: { readonly mtime: NsText },
  seemsSame: (there: Stat) => boolean,
): Verdict {
  if (there === undefined) return "make";
  if (overwrite === "never") return "keep";
  if (overwrite === "refuse" || there.kind === "dir") return "taken";
  if (overwrite === "always") return "replace";
  if (overwrite === "if-newer" && isLater(there.mtime, wanted.mtime)) return "keep";
  if (seemsSame(there)) return "same";
  if (overwrite === "if-changed" || !isLater(there.mtime, wanted.mtime)) return "replace";
  // Only a file has bytes that somebody may have changed since.
  if (overwrite === "continue" && (there.kind !== "file" || there.mode === UNFINISHED_MODE)) return "replace";
  return "newer";
}

/** Checks that the verdict allows restoring. @throws TargetTaken, TargetNewer */
export function assertMayRestore(verdict: Verdict, path: string): void {
  if (verdict === "taken") throw new TargetTaken(path);
  if (verdict === "newer") throw new TargetNewer(path);
}

function isLater(a: NsText, b: NsText): boolean {
  return a !== b && BigInt(a) > BigInt(b);
}
