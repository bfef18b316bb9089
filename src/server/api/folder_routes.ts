/** Directories of this machine that a restore may write into, or a backup may read. */
import { jsonReply } from "./json.ts";
import { aboutChoice, choiceOf } from "./parameters.ts";
import { FOLDERS } from "./schemas/work.ts";
import { NotAllowed, NotFound } from "../exchange/problem.ts";
import type { Exchange, Route } from "../exchange/route.ts";
import { deskOf, mayRun } from "../jobs/job_access.ts";
import { isAllowed } from "../accounts/account.ts";
import { joinRaw, type Raw, textOf } from "../../core/raw.ts";

/** What the directory is for. */
const USES = ["restore", "backup"] as const;
export type Use = typeof USES[number];

export const FOLDER_ROUTES: readonly Route[] = [{
  methods: ["GET"],
  path: "/api/v1/folders",
  access: "run",
  about: {
    summary: "Directories to choose from, by name, at most 1,000: those that `serve` was started with, or those in one",
    query: {
      for: aboutChoice("where restores may write (the default), or what backups may read, for the role admin", USES),
      below: "an absolute path: the directories in that one; default: those that `serve` was started with",
    },
    replies: { 200: FOLDERS },
  },
  handle: async (exchange) => {
    const { query } = exchange.target, use = choiceOf(query, "for", USES) ?? "restore", below = query.raw("below");
    const { path, folders, isWhole } = await foldersFor(
      exchange,
      use,
      below === undefined || below === "" ? undefined : below,
    );
    return jsonReply({
      path: path === undefined ? null : textOf(path),
      folders: folders.map((one) => ({ name: textOf(one.name), path: textOf(one.path) })),
      isWhole,
    });
  },
}];

export interface Folders {
  /** Undefined: above all of them. */
  readonly path: Raw | undefined;
  readonly folders: readonly { readonly name: Raw; readonly path: Raw }[];
  /** False if there are more. */
  readonly isWhole: boolean;
}

/** Lists directories. @param path undefined: those of the command line @throws NotAllowed, NotFound, OutsideLimits */
export async function foldersFor(exchange: Exchange, use: Use, path: Raw | undefined): Promise<Folders> {
  const { site, account } = exchange, tops = topsOf(exchange, use);
  deskOf(exchange);
  if (!mayRun(exchange) || (use === "backup" && !isAllowed(account, "admin"))) {
    throw new NotAllowed("This account may not see directories of this machine");
  }
  if (path === undefined) return { path, folders: tops.map((top) => ({ name: top, path: top })), isWhole: true };
  const found = await site.reader.folders({ tops, path, hidden: site.own });
  if (found === undefined) throw new NotFound("That directory can't be read");
  const { names, isWhole } = found;
  return { path, folders: names.map((name) => ({ name, path: joinRaw(path, name) })), isWhole };
}

/** The directories that `serve` was started with. */
export function topsOf({ site }: Pick<Exchange, "site">, use: Use): readonly Raw[] {
  return use === "restore" ? site.restoreBelow : site.sourcesBelow;
}
