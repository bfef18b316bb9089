/** The interface for programs: snapshots and their contents. */
import { jsonReply, LINES, linesReply, wantsLines } from "./json.ts";
import { changeJson, entryJson, foundJson, historyJson, snapshotJson } from "../reader/value_json.ts";
import {
  aboutChoice,
  aboutCount,
  aboutSize,
  aboutTime,
  choiceOf,
  countOf,
  flagOf,
  sizeParameter,
  textParameter,
  timeParameter,
} from "./parameters.ts";
import { BYTES } from "./schemas/named.ts";
import {
  DIFFERENCES,
  ENTRY_PAGE,
  FOUND_PAGE,
  HISTORY,
  SNAPSHOT_PAGE,
  STATS,
  VERIFICATION,
  WHOLE_SNAPSHOT,
} from "./schemas/stored.ts";
import { ALL_SERIES, ONE_SERIES, STATUS } from "./schemas/work.ts";
import { allSeries, type SeriesStatus, statusOf } from "./status.ts";
import { CONTENT_TYPES, contentReply, dispositionOf, wantsBody } from "../exchange/content.ts";
import { BadRequest, NotAllowed, NotFound } from "../exchange/problem.ts";
import type { Query } from "../exchange/target.ts";
import { maySee } from "../accounts/account.ts";
import type { EntryOrder, SearchRequest } from "../reader/reader.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import {
  entryOf,
  pathOf,
  type SeriesOf,
  seriesOf,
  visibleEntry,
  visibleFile,
  visibleSnapshot,
  visibleSnapshots,
} from "../exchange/visible.ts";
import { type Apath, apathOf, nameOf, TOP } from "../../core/apath.ts";
import { type Entry, KINDS } from "../../core/entry.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { NeverBackedUp } from "../../operations/browse/history.ts";

const USUAL_PAGE = 500, MOST_PAGE = 1000, USUAL_FOUND = 100, MOST_FOUND = 200;
const ENTRY_ORDERS = ["name", "reverse"] as const;
const LIMIT = aboutCount("so many at most", MOST_PAGE), AFTER = "go on after that one: `next` of the answer before";

export const API_ROUTES: readonly Route[] = [
  {
    methods: ["GET"],
    path: "/api/v1/status",
    access: "watch",
    about: { summary: "What is stored, series by series, and how the jobs are", replies: { 200: STATUS } },
    handle: async (exchange) => jsonReply(await statusOf(exchange)),
  },
  {
    methods: ["GET"],
    path: "/api/v1/series",
    access: "read",
    about: { summary: "The series of snapshots, the one with the newest first", replies: { 200: ALL_SERIES } },
    handle: async (exchange) => jsonReply((await seriesWithStates(exchange)).map(seriesJson)),
  },
  {
    methods: ["GET"],
    path: "/api/v1/series/{host}/{name}",
    access: "read",
    about: { summary: "One series with its snapshots", replies: { 200: ONE_SERIES } },
    handle: async (exchange) => {
      const host = textOf(exchange.params.host ?? ""), name = textOf(exchange.params.name ?? "");
      const all = await seriesWithStates(exchange), found = all.find((one) => one.host === host && one.name === name);
      if (found === undefined) throw new NotFound("There is no such series");
      const { last: _, ...state } = found.state;
      return jsonReply({ ...state, snapshots: found.snapshots.map(snapshotJson) });
    },
  },
  {
    methods: ["GET"],
    path: "/api/v1/snapshots",
    access: "read",
    about: {
      summary: "Snapshots, oldest first",
      replies: { 200: SNAPSHOT_PAGE },
      query: {
        host: "only of that host",
        name: "only of that name",
        tag: "only with that tag",
        since: aboutTime("only those made then or later"),
        until: aboutTime("only those made before"),
        after: AFTER,
        limit: LIMIT,
      },
    },
    handle: listSnapshots,
  },
  {
    methods: ["GET"],
    path: "/api/v1/snapshots/{ref}",
    access: "read",
    about: {
      summary: "One snapshot, by the beginning of its id, its tree, a time, `latest` or `NAME:latest~1`",
      replies: { 200: WHOLE_SNAPSHOT },
    },
    handle: async (exchange) => {
      const snapshot = await visibleSnapshot(exchange, exchange.params.ref ?? "");
      return jsonReply(await wholeSnapshot(exchange, snapshot));
    },
  },
  {
    methods: ["GET"],
    path: "/api/v1/snapshots/{ref}/entries/{path...}",
    access: "read",
    about: {
      summary: "What is in a directory of a snapshot, in the order of names; of anything else, that itself",
      query: { order: aboutChoice("by name, or from the last name on", ENTRY_ORDERS), after: AFTER, limit: LIMIT },
      headers: { accept: `${LINES}: all entries, one a line, without \`next\`` },
      replies: { 200: ENTRY_PAGE },
      type: ["application/json", LINES],
    },
    handle: listEntries,
  },
  {
    methods: ["GET"],
    path: "/api/v1/history/{path...}",
    access: "read",
    about: {
      summary: "All versions of a path",
      query: { host: "only of that host", name: "only of that name" },
      replies: { 200: HISTORY },
    },
    handle: async (exchange) => {
      const path = pathOf(exchange.rest), { query } = exchange.target;
      const host = textParameter(query, "host"), name = textParameter(query, "name");
      const all = (await exchange.site.reader.history(path)).filter(({ version }) =>
        maySee(exchange.account, version) && (host ?? version.host) === version.host &&
        (name ?? version.name) === version.name
      );
      if (all.length === 0) throw new NeverBackedUp(path);
      return jsonReply(all.map(historyJson));
    },
  },
  {
    methods: ["GET"],
    path: "/api/v1/search",
    access: "read",
    share: "search",
    about: {
      summary: "Finds versions of files in all snapshots",
      replies: { 200: FOUND_PAGE },
      query: {
        q: "a pattern in the syntax of .gitignore; repeatable",
        ignoreCase: "1: ignore case",
        kind: aboutChoice("only this kind", KINDS),
        min: aboutSize("bytes at least, such as 10M"),
        max: aboutSize("bytes at most"),
        since: aboutTime("modified then or later"),
        before: aboutTime("modified before"),
        content: "with that content: the beginning of its id",
        gone: "1: only files that the newest snapshot of their series no longer has",
        after: AFTER,
        limit: aboutCount("so many at most", MOST_FOUND),
      },
    },
    handle: async (exchange) => {
      const { found, next } = await exchange.site.reader.search(searchRequest(exchange));
      return jsonReply({ items: found.map(foundJson), ...(next !== undefined && { next: textOf(next) }) });
    },
  },
  {
    methods: ["GET"],
    path: "/api/v1/diff",
    access: "read",
    share: "search",
    about: {
      summary: "What is different between two snapshots",
      headers: { accept: `${LINES}: all changes, one a line, the summary last` },
      replies: { 200: DIFFERENCES },
      type: ["application/json", LINES],
      query: {
        before: "one of them; default: the one before `now` in its series",
        now: "the other one; default: the latest",
        below: "only this path, and what is in it",
        limit: aboutCount("so many changes at most; the summary is of all", MOST_PAGE),
      },
    },
    handle: async (exchange) => {
      if (wantsLines(exchange)) return await changeLines(exchange);
      const { before, now, page: { changes, summary } } = await differences(exchange);
      const brief = ({ id, time }: SnapshotInfo) => ({ id, time });
      return jsonReply({ before: brief(before), now: brief(now), changes: changes.map(changeJson), summary });
    },
  },
  {
    methods: ["GET"],
    path: "/api/v1/stats",
    access: "read",
    about: { summary: "How much there is, how it grew, and how long ago it was verified", replies: { 200: STATS } },
    handle: async (exchange) => {
      const { largest, ...all } = await statsOf(exchange);
      return jsonReply({ ...all, largest: largest.map((one) => ({ ...one, path: textOf(one.path) })) });
    },
  },
  {
    methods: ["GET"],
    path: "/api/v1/verification",
    access: "read",
    about: { summary: "How long ago contents were read and found whole", replies: { 200: VERIFICATION } },
    handle: async (exchange) => jsonReply((await statsOf(exchange)).verification),
  },
  {
    methods: ["GET"],
    path: "/content/{ref}/{path...}",
    access: "read",
    share: "download",
    about: {
      summary: "The content of a file",
      query: { inline: "as what a browser may show, for pictures, sound and plain text" },
      headers: {
        range: "one range of bytes",
        "if-range": "the range only of the content with that ETag",
        "if-none-match": "ETags of contents that are known already",
      },
      replies: { 200: BYTES, 206: BYTES, 304: null, 416: null },
      type: CONTENT_TYPES,
    },
    handle: async (exchange) => {
      const { params: { ref = "" }, rest } = exchange;
      const { entry, body } = await visibleFile(exchange, ref, pathOf(rest), wantsBody(exchange));
      return contentReply(exchange, entry, body);
    },
  },
  {
    methods: ["GET"],
    path: "/archive/{ref}/{path...}",
    access: "read",
    share: "archive",
    about: {
      summary: "A directory or file as one archive; its last file, `backup-errors.txt`, lists what is missing",
      query: {
        format: aboutChoice("zip is the default", ["zip", "tar"]),
        only: "only this of it, as a path from there such as `2025/a.jpg`; repeatable",
      },
      replies: { 200: BYTES },
      type: ["application/zip", "application/x-tar"],
    },
    handle: archiveReply,
  },
];

/** Statistics of everything stored; only for accounts that may see all series. @throws NotAllowed */
export function statsOf({ account, site }: Pick<Exchange, "account" | "site">) {
  if (account?.series !== undefined) throw new NotAllowed("This account is for some series only");
  return site.reader.stats();
}

/**
 * Differences between two snapshots, by the parameters `before`, `now`, `below` and `limit`. @throws NoSnapshot,
 * AmbiguousSnapshot, NotInSnapshot, BadRequest
 */
export async function differences(exchange: Exchange) {
  const { before, now, below } = await comparedIn(exchange);
  const limit = countOf(exchange.target.query, "limit", USUAL_PAGE, MOST_PAGE);
  const page = await exchange.site.reader.diff({ before: before.id, now: now.id, below, limit });
  return { before, now, path: below, page };
}

async function changeLines(exchange: Exchange): Promise<Reply> {
  const { before, now, below } = await comparedIn(exchange);
  return linesReply(exchange, exchange.site.reader.changes({ before: before.id, now: now.id, below }));
}

/** The snapshots and the path that a request compares. */
async function comparedIn(exchange: Exchange) {
  const { query } = exchange.target, below = query.raw("below");
  const now = await visibleSnapshot(exchange, textParameter(query, "now") ?? "latest");
  const named = textParameter(query, "before");
  const before = named === undefined ? await snapshotBefore(exchange, now) : await visibleSnapshot(exchange, named);
  return { before, now, below: below === undefined || below === "" ? TOP : apathOf(below) };
}

/** The complete snapshot before one in its series. @throws NotFound for the first */
async function snapshotBefore(exchange: Exchange, { id, host, name }: SnapshotInfo): Promise<SnapshotInfo> {
  const own = (await visibleSnapshots(exchange)).filter((one) => one.host === host && one.name === name);
  const found = own.slice(0, own.findIndex((one) => one.id === id)).findLast(({ complete }) => complete);
  if (found === undefined) throw new NotFound("The snapshot is the first one of its series");
  return found;
}

interface SeriesWithState extends SeriesOf {
  readonly state: SeriesStatus;
}

async function seriesWithStates(exchange: Exchange): Promise<SeriesWithState[]> {
  const states = await allSeries(exchange, exchange.site.jobs?.recurring.all() ?? []);
  return seriesOf(await visibleSnapshots(exchange)).flatMap((one) => {
    const state = states.find(({ host, name }) => host === one.host && name === one.name);
    return state === undefined ? [] : [{ ...one, state }];
  });
}

function seriesJson({ state, last }: SeriesWithState) {
  return { ...state, last: { ...snapshotJson(last), problems: last.problems } };
}

async function wholeSnapshot({ site: { reader } }: Exchange, snapshot: SnapshotInfo) {
  const { id, end, user, description, entries, problems } = snapshot;
  const [totals, { decisions }] = await Promise.all([reader.totals(id), reader.retention()]);
  const { keep, reasons } = decisions.find((one) => one.id === id) ?? {};
  const retention = keep === undefined ? null : { keep, reasons };
  return { ...snapshotJson(snapshot), end, user, description, entries, problems, totals, retention };
}

async function listSnapshots(exchange: Exchange): Promise<Reply> {
  const { query } = exchange.target;
  const host = textParameter(query, "host"), name = textParameter(query, "name"), tag = textParameter(query, "tag");
  const since = timeParameter(query, "since") ?? -Infinity, until = timeParameter(query, "until") ?? Infinity;
  const after = textParameter(query, "after"), limit = countOf(query, "limit", USUAL_PAGE, MOST_PAGE);
  const all = (await visibleSnapshots(exchange)).filter((one) => {
    const ms = Date.parse(one.time);
    return (host ?? one.host) === one.host && (name ?? one.name) === one.name && ms >= since && ms < until &&
      (tag === undefined || one.tags.includes(tag));
  });
  const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && from === 0) throw new NotFound("The snapshot to go on after is not there any more");
  const items = all.slice(from, from + limit), last = items.at(-1);
  const next = last !== undefined && from + limit < all.length ? { next: last.id } : {};
  return jsonReply({ items: items.map(snapshotJson), ...next });
}

async function listEntries(exchange: Exchange): Promise<Reply> {
  const { site, target: { query }, rest } = exchange, path = pathOf(rest);
  const snapshot = await visibleSnapshot(exchange, exchange.params.ref ?? "");
  const limit = countOf(query, "limit", USUAL_PAGE, MOST_PAGE), after = query.raw("after") || undefined;
  const own = await entryOf(exchange, snapshot, path), order = choiceOf(query, "order", ENTRY_ORDERS);
  if (wantsLines(exchange)) return linesReply(exchange, entryLines(exchange, { snapshot, own, after, order }));
  if (own.kind !== "dir") return jsonReply({ items: [entryJson(own)] });
  const { entries, next } = await site.reader.entries(snapshot.id, path, after, limit, order);
  return jsonReply({ items: entries.map(entryJson), ...(next !== undefined && { next: textOf(next) }) });
}

/** All entries of a directory, a page at a time, as fast as they are read; of anything else, that itself. */
async function* entryLines({ site }: Exchange, { snapshot, own, after, order }: {
  readonly snapshot: SnapshotInfo;
  readonly own: Entry;
  readonly after: Raw | undefined;
  readonly order: EntryOrder | undefined;
}): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const linesOf = (entries: readonly Entry[]) =>
    encoder.encode(entries.map((one) => `${JSON.stringify(entryJson(one))}\n`).join(""));
  if (own.kind !== "dir") return yield linesOf([own]);
  for (let at = after;;) {
    const { entries, next } = await site.reader.entries(snapshot.id, own.path, at, MOST_PAGE, order);
    yield linesOf(entries);
    if (next === undefined) return;
    at = next;
  }
}

/** The search that a request describes. @throws BadRequest, BadPath */
export function searchRequest({ target: { query }, account }: Pick<Exchange, "target" | "account">): SearchRequest {
  const after = query.raw("after") || undefined, kind = choiceOf(query, "kind", KINDS);
  return {
    patterns: patternsOf(query),
    ignoreCase: flagOf(query, "ignoreCase"),
    kinds: kind === undefined ? [] : [kind],
    smallest: sizeParameter(query, "min"),
    largest: sizeParameter(query, "max"),
    sinceMs: timeParameter(query, "since"),
    beforeMs: timeParameter(query, "before"),
    content: textParameter(query, "content"),
    gone: flagOf(query, "gone"),
    series: account?.series,
    after: after === undefined ? undefined : apathOf(after),
    limit: countOf(query, "limit", USUAL_FOUND, MOST_FOUND),
  };
}

const MOST_CHOSEN = 1000;

/** The paths that are chosen of a directory. @throws BadRequest, BadPath */
function chosenIn({ path, kind }: Entry, query: Query): Apath[] {
  const names = query.all("only").filter((name) => name !== "");
  if (names.length > MOST_CHOSEN) {
    throw new BadRequest(`More than ${MOST_CHOSEN} paths are chosen`, "Choose a directory");
  }
  if (names.length > 0 && kind !== "dir") throw new BadRequest("Nothing can be chosen of what is no directory");
  return names.map((name) => apathOf(path === TOP ? `/${name}` : `${path}/${name}`));
}

const MOST_PATTERNS = 20;

function patternsOf(query: Query): string[] {
  return query.all("q").map((pattern) => textOf(pattern)).filter((pattern) => pattern !== "").slice(0, MOST_PATTERNS);
}

async function archiveReply(exchange: Exchange): Promise<Reply> {
  const { site, target, method } = exchange;
  const format = choiceOf(target.query, "format", ["zip", "tar"]) ?? "zip";
  const { snapshot, entry } = await visibleEntry(exchange, exchange.params.ref ?? "", pathOf(exchange.rest));
  const only = chosenIn(entry, target.query);
  for (const one of only) await entryOf(exchange, snapshot, one);
  const { path } = entry, base = path === TOP ? rawOf(snapshot.name) : nameOf(path);
  return {
    status: 200,
    headers: {
      "content-type": format === "zip" ? "application/zip" : "application/x-tar",
      "content-disposition": dispositionOf(`${base}.${format}`, "attachment"),
      "cache-control": "private, no-store, no-transform",
    },
    body: method === "HEAD" ? "" : site.reader.archive({
      snapshot: snapshot.id,
      path,
      format,
      ...(only.length > 0 && { only }),
    }),
  };
}
