/**
 * Lists the files of a server as entries in the order of a snapshot. Only the names of one directory at each depth are
 * in memory.
 */
import { type Apath, childOf, TOP } from "../../core/apath.ts";
import { Fault } from "../../core/fault.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
import { MissingTree, type RemoteEntry, type RemoteTree } from "../../backend/remote_tree.ts";
import { PlaceRefuses } from "../../backend/faults.ts";
import type { Filter } from "../../source/filter.ts";

export interface RemoteFound {
  readonly path: Apath;
  /** Path relative to the top of the tree, in the tree's form. */
  readonly remotePath: string;
  readonly entry: RemoteEntry;
}

export interface RemoteWalkOptions {
  readonly filter: Filter;
  /** Files larger than this (bytes) are excluded. */
  readonly largestBytes?: number | undefined;
  readonly signal: AbortSignal;
  /** Called for directories that can't be listed, and for names that no snapshot can contain. */
  readonly problem: (fault: Fault) => void;
  /** Called for each excluded path. */
  readonly excluded: (path: Apath) => void;
}

/** A snapshot can't contain a file of this name. */
export class UnfitName extends Fault {
  readonly code = "unfit-name";
  readonly hint = "Give it another name there: a restored directory could not hold it";
  constructor(name: string) {
    super(`Cannot back up ${JSON.stringify(name)}: no file can have such a name`);
  }
}

const TOP_ENTRY: RemoteEntry = { name: "", kind: "dir", size: 0, mtimeMs: undefined };

/** Walks a tree. @throws MissingTree for the top, and what requests throw */
export async function* walkRemote(tree: RemoteTree, options: RemoteWalkOptions): AsyncGenerator<RemoteFound> {
  yield { path: TOP, remotePath: "", entry: TOP_ENTRY };
  yield* walkDirectory(tree, { path: TOP, remotePath: "", entry: TOP_ENTRY }, options);
}

async function* walkDirectory(
  tree: RemoteTree,
  directory: RemoteFound,
  options: RemoteWalkOptions,
): AsyncGenerator<RemoteFound> {
  const found = (await listed(tree, directory, options)).filter(({ path, entry }) => {
    const isOut = entry.kind === "file" && entry.size > (options.largestBytes ?? Infinity) ||
      options.filter.decide(path, entry.kind === "dir")?.negated === false;
    if (isOut) options.excluded(path);
    return !isOut;
  });
  yield* found;
  for (const each of found) if (each.entry.kind === "dir") yield* walkDirectory(tree, each, options);
}

/** In order of names. */
async function listed(
  tree: RemoteTree,
  { path, remotePath }: RemoteFound,
  { signal, problem }: RemoteWalkOptions,
): Promise<RemoteFound[]> {
  const found = new Map<Raw, RemoteFound>();
  try {
    for (const entry of await tree.list(remotePath, signal)) {
      const inner = remotePath === "" ? entry.name : `${remotePath}/${entry.name}`, name = rawOf(entry.name);
      // An object and a "directory" of S3 may have one name.
      if (!isFit(entry.name) || found.has(name)) problem(new UnfitName(inner));
      else found.set(name, { path: childOf(path, name), remotePath: inner, entry });
    }
  } catch (error) {
    // One directory that may not be read, or has gone meanwhile, doesn't end the whole.
    if (remotePath === "" || !(error instanceof PlaceRefuses || error instanceof MissingTree)) throw error;
    problem(error);
  }
  return [...found].sort(([a], [b]) => a < b ? -1 : 1).map(([, each]) => each);
}

function isFit(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !name.includes("/") && !name.includes("\0") &&
    name.length <= 255;
}
