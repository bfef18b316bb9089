/** backup-tool find */
import { Option } from "commander";
import type { Clock } from "../../core/clock.ts";
import { type Kind, KINDS } from "../../core/entry.ts";
import { BadUsage } from "../../core/fault.ts";
import { parseSize } from "../../core/size_text.ts";
import { textOf } from "../../core/raw.ts";
import type { FindRequest, FoundVersion } from "../../operations/browse/find.ts";
import type { SnapshotRange } from "../../operations/browse/snapshot_ranges.ts";
import { longColumns, type Look, modeText, timeText, versionJson } from "../output/results/entry_text.ts";
import { parseMoment } from "../../operations/settings/parse_time.ts";
import { collected, examples, reading } from "../settings/options.ts";
import type { Session } from "../session/session.ts";
import { shortId } from "../../core/short_id.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { Define } from "./command.ts";

interface FindOptions {
  readonly ignoreCase?: boolean;
  readonly kind?: readonly Kind[];
  readonly largerThan?: number;
  readonly smallerThan?: number;
  readonly newerThan?: string;
  readonly olderThan?: string;
  readonly content?: string;
  readonly snapshot?: readonly string[];
  readonly gone?: boolean;
  readonly long?: boolean;
}

export const defineFind: Define = (program, act) => {
  const command = program.command("find")
    .summary("find files in all snapshots")
    .description(
      "Find files and directories in all snapshots at once. A pattern without a slash matches a name anywhere; one with a " +
        "slash matches the full path, with `**` for any directories (the syntax of `.gitignore`). Every version of a path is " +
        "one line: the last snapshot that has it, the days on which it was first and last seen, in how many snapshots it is.",
    )
    .argument("[PATTERN...]", "names or paths (default: everything that matches the options)")
    .option("-i, --ignore-case", "ignore case")
    .addOption(new Option("-k, --kind <KIND>", `${KINDS.join(", ")}; repeatable`).argParser(parseKind))
    .addOption(new Option("--larger-than <SIZE>", "such as 10M").argParser(reading(parseSize)))
    .addOption(new Option("--smaller-than <SIZE>", "such as 1G").argParser(reading(parseSize)))
    .option("--newer-than <TIME>", "modified since then: 2026-11-20, 2026-11-20 23:05, or 7d for a week ago")
    .option("--older-than <TIME>", "modified before then")
    .option("--content <ID>", "with this content: the beginning of its id, or its SHA-256")
    .option("--snapshot <SNAPSHOT>", "only in this snapshot (repeatable)", collected)
    .option("--gone", "only paths missing in the newest snapshot of their series")
    .option("-l, --long", "also show mode, owner and modification time")
    .addHelpText(
      "after",
      examples(
        "backup-tool find 'invoice*.pdf' --ignore-case",
        "backup-tool find '/photos/2026/**/*.raw' --larger-than 50M --long",
        "backup-tool find --gone --newer-than 30d --kind file",
        "backup-tool find '*.odt' --snapshot latest --json | jq -r '.[].path'",
      ),
    );
  command.action((patterns: readonly string[]) =>
    act(command, async (session) => {
      const options = command.opts<FindOptions>(), { clock } = session.world;
      const repository = await session.openRepository();
      const { find } = await import("../../operations/browse/find.ts");
      const found = await find(repository, requestOf(patterns, options, await repository.snapshots(), clock));
      if (session.options.json) return session.out.jsonArray(jsonOf(found));
      printFound(found, options.long ?? false, session);
    }, { output: true })
  );
};

function printFound(found: Iterable<FoundVersion>, long: boolean, session: Session): void {
  let isFirst = true;
  for (const one of found) {
    if (isFirst) session.out.line(long ? LONG_HEAD : HEAD, "heading");
    isFirst = false;
    session.out.line(lineOf(one, long, session));
  }
  if (isFirst) session.monitor.notice("No matches");
}

function requestOf(
  patterns: readonly string[],
  options: FindOptions,
  all: readonly SnapshotInfo[],
  clock: Clock,
): FindRequest {
  const { content, newerThan, olderThan, snapshot } = options;
  if (content !== undefined && !/^[0-9a-f]{4,}$/.test(content)) {
    throw new BadUsage("The id of a content is at least 4 hexadecimal digits", "Copy it from `backup-tool ls --json`");
  }
  return {
    patterns,
    ignoreCase: options.ignoreCase ?? false,
    kinds: options.kind ?? [],
    smallest: options.largerThan === undefined ? undefined : options.largerThan + 1,
    largest: options.smallerThan === undefined ? undefined : options.smallerThan - 1,
    sinceMs: newerThan === undefined ? undefined : parseMoment(newerThan, clock),
    beforeMs: olderThan === undefined ? undefined : parseMoment(olderThan, clock),
    content,
    snapshots: snapshot?.map((name) => resolveSnapshot(name, all)),
    gone: options.gone ?? false,
  };
}

/** Parses a kind; "f" is a file, as in `find -type`. */
function parseKind(text: string, before: readonly Kind[] = []): readonly Kind[] {
  const kind = KINDS.find((name) => name === text || name[0] === text && text !== "s");
  if (kind !== undefined) return [...before, kind];
  return reading<readonly Kind[]>(() => {
    throw new BadUsage("", `Use one of ${KINDS.join(", ")}`);
  })(text);
}

function* jsonOf(found: Iterable<FoundVersion>): Generator<unknown> {
  for (const { version, span } of found) yield { ...versionJson(version), ...spanJson(span) };
}

/** JSON of a range of snapshots, also for `history`. Part of the interface. */
export function spanJson({ first, last, count, after }: SnapshotRange) {
  const brief = ({ id, time }: SnapshotRange["first"]) => ({ id, time });
  return { first: brief(first), last: brief(last), snapshots: count, current: after === undefined && last.complete };
}

const SEEN_CELLS = 22, COUNT_CELLS = 11, SIZE_CELLS = 9;
const WHERE_HEAD = `${"SNAPSHOT".padEnd(12)}  ${"SEEN FIRST..LAST".padEnd(SEEN_CELLS)}${
  "SNAPSHOTS".padStart(COUNT_CELLS)
}  `;
const HEAD = `${WHERE_HEAD}${"SIZE".padStart(SIZE_CELLS)}  PATH`;
const LONG_HEAD = `${WHERE_HEAD}MODE       OWNER    GROUP    ${"SIZE".padStart(SIZE_CELLS)} ${
  "MODIFIED".padEnd(20)
} PATH`;

function lineOf({ version, span }: FoundVersion, long: boolean, session: Look): string {
  const { path, kind, size, target } = version;
  const name = textOf(path) + (kind === "dir" && path !== "/" ? "/" : "");
  const where = `${shortId(span.last.id)}  ${seenText(span, session).padEnd(SEEN_CELLS)}${
    String(span.count).padStart(COUNT_CELLS)
  }  `;
  if (!long) return `${where}${(kind === "file" ? session.sizeText(size) : "-").padStart(SIZE_CELLS)}  ${name}`;
  return `${where}${modeText(version)} ${longColumns(version, session)} ${name}${
    target === undefined ? "" : ` -> ${textOf(target)}`
  }`;
}

/** "2026-11-01..2026-11-20", or a single day. */
function seenText({ first, last }: SnapshotRange, session: Look): string {
  const [from, to] = [first, last].map(({ time }) => timeText(Date.parse(time), session).slice(0, 10));
  return from === to ? `${from}` : `${from}..${to}`;
}
