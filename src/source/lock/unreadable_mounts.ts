/** Paths in a source that a snapshot of its file system doesn't have: other file systems, and btrfs subvolumes. */
import { Fault } from "../../core/fault.ts";
import { isBelow, joinRaw, type Raw, rawOf, replaceBytes, textOf } from "../../core/raw.ts";
import type { Runner } from "./act.ts";

export class OutsideSnapshot extends Fault {
  readonly code = "outside-snapshot";
  readonly hint = "Name it as a source of its own, or back up with --one-file-system if it isn't wanted";
  constructor(path: Raw) {
    super(
      `${JSON.stringify(textOf(path))} lies in the source, but not in the snapshot of its file system: ` +
        "what it holds is not backed up",
    );
  }
}

/** Mount points of file systems that keep files on a disk. @returns nothing if they can't be listed */
export async function mountPoints(run: Runner): Promise<Raw[]> {
  const listed = await run({ argv: ["findmnt", "-rn", "--real", "-o", "TARGET"] });
  return listed.ok ? listed.output.split("\n").filter((line) => line.startsWith("/")).map(unescaped) : [];
}

/** Decodes a path of `findmnt`, which writes special bytes as `\x20`. */
function unescaped(text: string): Raw {
  return replaceBytes(rawOf(text), /\\x([0-9a-f]{2})/g, (digits) => parseInt(digits, 16));
}

/** Subvolumes directly inside the one whose top is `root`. */
export async function innerSubvolumes(root: Raw, run: Runner): Promise<Raw[]> {
  const shown = await run({ argv: ["btrfs", "subvolume", "show", textOf(root)] });
  const listed = await run({ argv: ["btrfs", "subvolume", "list", "-o", textOf(root)] });
  if (!shown.ok || !listed.ok) return [];
  const own = shown.output.split("\n")[0]!.trim();
  const start = own === "/" || own === "<FS_TREE>" ? "" : `${own}/`;
  return listed.output.split("\n").flatMap((line) => {
    const path = /^ID \d+ .*? path (.*)$/.exec(line)?.[1]?.replace(/^<FS_TREE>\//, "");
    return path?.startsWith(start) ? [joinRaw(root, rawOf(path.slice(start.length)))] : [];
  });
}

/** The paths that are inside a source and are not sources themselves. */
export function lacking(paths: readonly Raw[], sources: readonly Raw[]): Raw[] {
  const inside = new Set(paths.filter((path) => sources.some((source) => isBelow(path, source))));
  return [...inside].filter((path) => !sources.some((source) => source === path)).sort();
}
