/** backup-tool ls */
import { type Apath, nameOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { textOf } from "../../core/raw.ts";
import type { Manifest } from "../../storage/manifest.ts";
import { entryJson, longColumns, modeText } from "../entry_text.ts";
import { examples } from "../options.ts";
import { snapshotPath } from "../paths.ts";
import type { Session } from "../session.ts";
import type { Define } from "./command.ts";

interface LsOptions {
  readonly long?: boolean;
  readonly recursive?: boolean;
}

export const defineLs: Define = (program, act) => {
  const command = program.command("ls")
    .summary("list what a snapshot holds")
    .description(
      "List a directory of a snapshot, or one object. A snapshot is named by the beginning of its id, the name of its " +
        "tree, a date, `latest`, `latest~2` or `NAME:latest`. Names that could disturb a terminal are shown with " +
        "escapes, through a pipe too; `--json` is exact.",
    )
    .argument("<SNAPSHOT>", "which snapshot")
    .argument("[PATH]", "directory or file in it", "/")
    .option("-l, --long", "kind, mode, owner, size, time")
    .option("-R, --recursive", "everything below it, with whole paths")
    .addHelpText(
      "after",
      examples("backup-tool ls latest", "backup-tool ls 3f2a91 /holiday --long", "backup-tool ls latest -R --json"),
    );
  command.action((name: string, pathText: string) =>
    act(command, async (session) => {
      const storage = await session.openStorage();
      const snapshot = storage.resolve(name);
      const path = snapshotPath(pathText);
      const options = command.opts<LsOptions>();
      const entries = entriesAt(storage.manifest(snapshot.id), path, options.recursive ?? false);
      if (entries === undefined) {
        const { NotInSnapshot } = await import("../../operations/restore.ts");
        throw new NotInSnapshot(path, snapshot);
      }
      if (session.options.json) session.out.jsonArray(mapped(entries, entryJson));
      else printEntries(entries, session, options);
    })
  );
};

/** Undefined if there is no such path. */
function entriesAt(manifest: Manifest, path: Apath, recursive: boolean): Iterable<Entry> | undefined {
  const own = path === TOP ? undefined : manifest.entry(path);
  if (path !== TOP && own === undefined) return undefined;
  if (own !== undefined && own.kind !== "dir") return [own];
  return recursive ? manifest.within(path) : manifest.list(path);
}

function printEntries(entries: Iterable<Entry>, session: Session, { long, recursive }: LsOptions): void {
  for (const entry of entries) {
    const name = textOf(recursive ? entry.path : nameOf(entry.path));
    const mark = entry.kind === "dir" && entry.path !== TOP ? "/" : "";
    const target = long && entry.target !== undefined ? ` -> ${textOf(entry.target)}` : "";
    const style = entry.kind === "dir" && !long ? "directory" : undefined;
    session.out.line(
      long ? `${modeText(entry)} ${longColumns(entry, session)} ${name}${mark}${target}` : name + mark,
      style,
    );
  }
}

function* mapped<T, R>(items: Iterable<T>, map: (item: T) => R): Generator<R> {
  for (const item of items) yield map(item);
}
