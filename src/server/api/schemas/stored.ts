/** Shapes of replies: what is stored. */
import * as z from "zod";
import { named } from "./named.ts";
import { KINDS } from "../../../core/entry.ts";
import { ASPECTS } from "../../../operations/browse/changed_fields.ts";

const COUNT = z.int().min(0), TEXT = z.string();
/** Of this program: ISO 8601 in UTC. Times of files may lie in any year, and are texts. */
export const TIME = z.iso.datetime();
const FILE_TIME = TEXT.describe("ISO 8601, UTC, with nanoseconds");
const BRIEF = z.object({ id: TEXT, time: TIME });

export const PROBLEM = named(
  "Problem",
  z.object({
    type: TEXT,
    title: TEXT,
    status: z.int(),
    code: TEXT.describe("That of the command line"),
    detail: TEXT,
    hint: TEXT,
    where: TEXT.optional().describe("Line and column in the text of a job that was sent"),
  }).describe("What went wrong, as RFC 9457 has it"),
);

export const SNAPSHOT = named(
  "Snapshot",
  z.object({
    id: TEXT,
    time: TIME,
    tree: TEXT.nullable(),
    host: TEXT,
    name: TEXT,
    sources: z.array(TEXT),
    tags: z.array(TEXT),
    files: COUNT,
    bytes: COUNT,
    complete: z.boolean(),
  }),
);
export const WHOLE_SNAPSHOT = named(
  "WholeSnapshot",
  SNAPSHOT.extend({
    end: TIME,
    user: TEXT,
    description: TEXT.optional(),
    entries: COUNT,
    problems: COUNT.describe("How many"),
    totals: z.object({ entries: COUNT, files: COUNT, dirs: COUNT, bytes: COUNT, problems: COUNT }),
    retention: z.object({ keep: z.boolean(), reasons: z.array(TEXT).describe("Rules that keep it") }).nullable()
      .describe("What the policy of the storage says; null without one"),
  }),
);
export const SNAPSHOT_PAGE = named("SnapshotPage", pageOf(SNAPSHOT));
const STATE = {
  kind: z.enum(KINDS),
  size: COUNT.optional().describe("Of files, in bytes"),
  mtime: FILE_TIME,
  mode: TEXT.regex(/^[0-7]{4,}$/).describe("Octal"),
  uid: z.number(),
  gid: z.number(),
  user: TEXT.optional(),
  group: TEXT.optional(),
  device: z.object({ major: z.number(), minor: z.number() }).optional(),
  content: TEXT.optional().describe("Id of the content of a file"),
  target: TEXT.optional().describe("Of a symlink"),
  problems: z.array(TEXT).optional(),
};
const NAMES = z.record(TEXT, TEXT);
export const ENTRY = named(
  "Entry",
  z.object({
    path: TEXT,
    ...STATE,
    ctime: FILE_TIME.optional(),
    inode: TEXT.optional(),
    hardLink: TEXT.optional().describe("Equal for all names of one file"),
    sparse: z.literal(true).optional(),
    xattrs: NAMES.optional().describe("Values in base64"),
    aclNames: z.object({ users: NAMES.optional(), groups: NAMES.optional() }).optional(),
    birthtime: FILE_TIME.optional(),
    flags: z.array(TEXT).optional(),
  }),
);
export const ENTRY_PAGE = named("EntryPage", pageOf(ENTRY));

const VERSION = { path: TEXT, host: TEXT, name: TEXT, ...STATE };
const SPAN = {
  first: BRIEF,
  last: BRIEF,
  snapshots: COUNT.describe("How many have it"),
  current: z.boolean().describe("False if the newest snapshot of its series no longer has it"),
};
export const FOUND_PAGE = named("FoundPage", pageOf(named("FoundVersion", z.object({ ...VERSION, ...SPAN }))));
export const HISTORY = named(
  "History",
  z.array(z.object({
    ...VERSION,
    ...SPAN,
    change: z.enum(["added", "content", "metadata", "incomplete"]),
    aspects: z.array(z.enum(ASPECTS)),
    goneIn: BRIEF.optional(),
  })),
);

const CHANGE = named(
  "Change",
  z.object({
    change: z.enum(["added", "removed", "content", "metadata", "moved"]),
    path: TEXT,
    from: TEXT.optional().describe("Where it was, if it was moved"),
    aspects: z.array(z.enum(ASPECTS)).optional(),
    before: z.object(STATE).optional(),
    now: z.object(STATE).optional(),
  }),
);
export const DIFFERENCES = named(
  "Differences",
  z.object({
    before: BRIEF,
    now: BRIEF,
    changes: z.array(CHANGE),
    summary: z.object({
      added: COUNT,
      removed: COUNT,
      content: COUNT,
      metadata: COUNT,
      moved: COUNT,
      addedBytes: COUNT,
      removedBytes: COUNT,
    }),
  }),
);

const AMOUNT = { contents: COUNT, bytes: COUNT };
export const VERIFICATION = named(
  "Verification",
  z.object({
    all: z.object(AMOUNT),
    never: z.object(AMOUNT).describe("Never read since they were stored"),
    damaged: z.object(AMOUNT),
    within: z.array(z.object({ days: COUNT, ...AMOUNT })),
    oldest: TIME.nullable(),
  }),
);
export const STATS = named(
  "Stats",
  z.object({
    snapshots: z.array(z.looseObject({
      ...SNAPSHOT.shape,
      newContents: COUNT,
      newBytes: COUNT,
      uniqueContents: COUNT,
      uniqueBytes: COUNT,
    })),
    contents: COUNT,
    contentBytes: COUNT,
    logicalBytes: COUNT,
    manifestItems: COUNT,
    manifestBytes: COUNT,
    unneededContents: COUNT.optional().describe("Absent in a vault that stores large files in parts: prune counts it"),
    freeBytes: COUNT.optional(),
    verification: VERIFICATION,
    largest: z.array(z.object({ content: TEXT, size: COUNT, path: TEXT })),
  }),
);

const OUTCOME = z.enum(["done", "problems", "failed", "rejected", "cancelled"]);
export const VAULTS = named(
  "Vaults",
  z.array(z.object({
    name: TEXT,
    location: TEXT.optional().describe("For the role admin"),
    lastCopy: z.object({ outcome: OUTCOME, end: TIME }).nullable(),
    lookedAt: TIME.nullable(),
  })),
);
export const VAULT = named(
  "Vault",
  z.object({
    name: TEXT,
    lookedAt: TIME,
    fault: z.object({ code: TEXT, message: TEXT, hint: TEXT }).nullable()
      .describe("Why it could not be looked into; then nothing else is known"),
    id: TEXT.optional(),
    series: z.array(z.object({
      host: TEXT,
      name: TEXT,
      here: TIME.nullable(),
      there: TIME.nullable(),
      behind: COUNT,
    })).optional(),
    missing: COUNT.optional(),
    snapshots: z.array(z.object({ time: TIME, newBytes: COUNT })).optional(),
    packedBytes: COUNT.optional(),
    verification: VERIFICATION.optional(),
    drills: z.array(z.object({
      host: TEXT,
      name: TEXT,
      sources: z.array(TEXT),
      proven: TIME.nullable(),
      failed: TIME.nullable(),
    })).optional(),
  }),
);

function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: TEXT.optional().describe("For `after`; absent at the end") });
}
