/** backup-tool ls */
import { Option } from "commander";
import { nameOf, TOP } from "../../core/apath.ts";
import { BadUsage } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import type { Listed, ListingRequest, Order } from "../../operations/browse/listing.ts";
import { entryJson, longColumns, modeText } from "../output/results/entry_text.ts";
import { examples } from "../settings/options.ts";
import { placeNamed } from "../session/snapshot_place.ts";
import type { Session } from "../session/session.ts";
import type { Define } from "./command.ts";

interface LsOptions {
  readonly long?: boolean;
  readonly recursive?: boolean;
  readonly tree?: boolean;
  readonly sort: Order;
  readonly reverse?: boolean;
  readonly ncdu?: boolean;
}

export const defineLs: Define = (program, act) => {
  const command = program.command("ls")
    .summary("list files in a snapshot")
    .description(
      "List a directory of a snapshot, or one file. A snapshot is named by the beginning of its id, the name of its " +
        "tree, a date or time (`2026-11-20`, `2026-11-20 23:05`), `latest`, `latest~2` or `NAME:latest`. Names that could " +
        "disturb a terminal are shown with escapes, through a pipe too; `--json` is exact.",
    )
    .argument("<SNAPSHOT>", "which snapshot")
    .argument("[PATH]", "directory or file in it, or as it was in the source (default: /)")
    .option("-l, --long", "show kind, mode, owner, size and time")
    .option("-R, --recursive", "list everything below, with full paths")
    .option("-T, --tree", "show everything below as a tree")
    .addOption(
      new Option("--sort <ORDER>", "order within each directory").choices(["name", "size", "time"]).default("name"),
    )
    .option("-r, --reverse", "reverse the order")
    .addOption(new Option("--ncdu", "print everything below for `ncdu -f -`").conflicts(["tree", "recursive", "long"]))
    .addHelpText(
      "after",
      examples(
        "backup-tool ls latest",
        "backup-tool ls 3f2a91 /holiday --long --sort size",
        "backup-tool ls latest -R --json",
        "backup-tool ls 2026-11-20 /photos --tree",
        "backup-tool ls latest --ncdu | ncdu -f -",
      ),
    );
  command.action((name: string, pathText: string | undefined) =>
    act(command, async (session) => {
      const options = command.opts<LsOptions>();
      if (options.ncdu && session.options.json) {
        throw new BadUsage("`--ncdu` and `--json` are two formats", "Leave one of them out");
      }
      const repository = await session.openRepository();
      const [{ listing }, { orLastSeen }] = await Promise.all([
        import("../../operations/browse/listing.ts"),
        import("../../operations/browse/last_seen.ts"),
      ]);
      const place = { path: TOP, ...await placeNamed(name, pathText, repository) };
      const request = requestOf(options, session.options.json ?? false, place);
      const problem = (fault: Error) => session.monitor.problem(fault);
      const listed = await orLastSeen(repository, () => listing(repository, request, problem));
      if (session.options.json) return session.out.jsonArray(jsonOf(listed));
      if (!options.ncdu) return printEntries(listed, session, options);
      const { printNcdu } = await import("../output/results/ncdu_export.ts");
      printNcdu(listed, { out: session.out, name: request.path, nowMs: session.world.clock.nowMs() });
    }, { output: true })
  );
};

function requestOf(
  { recursive, tree, ncdu, sort, reverse }: LsOptions,
  isForPrograms: boolean,
  place: Pick<ListingRequest, "snapshot" | "path">,
): ListingRequest {
  // People look for what is in a directory right behind it, as in `find` and `ls -R`.
  const isTree = tree || ncdu || recursive && !isForPrograms;
  const extent = isTree ? "tree" : recursive ? "recursive" : "directory";
  return { ...place, extent, order: sort, reverse: reverse ?? false };
}

function* jsonOf(listed: Iterable<Listed>): Generator<unknown> {
  for (const { entry } of listed) yield entryJson(entry);
}

function printEntries(listed: Iterable<Listed>, session: Session, { long, recursive, tree }: LsOptions): void {
  for (const { entry, last } of listed) {
    const whole = recursive && !tree || (tree && last.length === 0);
    const name = textOf(whole ? entry.path : nameOf(entry.path));
    const mark = entry.kind === "dir" && entry.path !== TOP ? "/" : "";
    const target = long && entry.target !== undefined ? ` -> ${textOf(entry.target)}` : "";
    const style = entry.kind === "dir" && !long ? "directory" : undefined;
    const drawn = `${tree ? branchText(last) : ""}${name}${mark}${target}`;
    session.out.line(long ? `${modeText(entry)} ${longColumns(entry, session)} ${drawn}` : drawn, style);
  }
}

/** The prefix of a name in a tree: "│   ├── ". */
function branchText(last: readonly boolean[]): string {
  return last.map((isLast, i) => {
    const isOwn = i === last.length - 1;
    if (isOwn) return isLast ? "└── " : "├── ";
    return isLast ? "    " : "│   ";
  }).join("");
}
