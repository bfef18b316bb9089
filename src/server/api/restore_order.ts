/** Restores that somebody asks for: checked here for an answer at once, and again by who performs them. */
import * as z from "zod";
import { deskOf, mayRun } from "../jobs/job_access.ts";
import { BadRequest, NotAllowed } from "../exchange/problem.ts";
import { assertConfirmed } from "../exchange/confirmed.ts";
import type { Exchange } from "../exchange/route.ts";
import { visibleSnapshot } from "../exchange/visible.ts";
import { Fault } from "../../core/fault.ts";
import { complaintText } from "../../core/jsonc.ts";
import { textOf } from "../../core/raw.ts";
import { ConfinedDisk, OutsideLimits } from "../../operations/confined_disk.ts";
import { parseJob } from "../../jobs/schema/job_file.ts";
import { absolutePath, type JobOf } from "../../jobs/schema/schema.ts";

const TEXT = z.string().max(4096), TEXTS = z.array(TEXT).max(1000);

/** What may be asked for; the rest is added here. Keys mean what they mean in a job file. */
const ORDER = z.strictObject({
  kind: z.literal("restore"),
  snapshot: TEXT,
  paths: TEXTS.optional(),
  include: TEXTS.optional(),
  exclude: TEXTS.optional(),
  target: TEXT.optional(),
  inPlace: z.literal(true).optional(),
  strip: z.int().min(0).max(9999).optional(),
  overwrite: z.enum(["always", "if-changed", "if-newer", "never"]).optional(),
  owners: z.enum(["names", "ids", "none", "target"]).optional(),
});

/** Directories are named by whoever starts the server. */
export class NowhereToRestore extends Fault {
  readonly code = "nowhere-to-restore";
  readonly hint = "Start `serve` with `--restore-below DIR` to have files restored into directories below that";
  constructor() {
    super("This server restores nowhere: files can be downloaded");
  }
}

/**
 * The job that does what was asked for, with its limits.
 * @param password of who asks, as far as it was given
 * @throws NotAllowed, NotConfirmed, BadRequest, NoSnapshot
 */
export async function restoreJob(exchange: Exchange, order: unknown, password?: string): Promise<JobOf<"restore">> {
  const { site, account } = exchange, { restoreBelow } = site;
  deskOf(exchange);
  if (!mayRun(exchange)) throw new NotAllowed("This account is for some series only");
  if (restoreBelow.length === 0) throw new NowhereToRestore();
  const { data, error } = ORDER.safeParse(order);
  if (data === undefined) throw new BadRequest(z.prettifyError(error).split("\n")[0] ?? "That is no restore");
  const role = account?.role === "admin" ? "admin" : "run", below = restoreBelow.map(textOf);
  const { id } = await visibleSnapshot(exchange, data.snapshot);
  const text = JSON.stringify({ ...data, snapshot: id, by: account?.name ?? "?", limits: { role, below } });
  const { job, problems } = parseJob(text);
  if (job?.kind !== "restore") throw new BadRequest(problems.map(complaintText).join("; "));
  if (job.target !== undefined) {
    const target = absolutePath(job.target);
    // In vain otherwise: whoever performs the job looks again, at what is there by then.
    if (new ConfinedDisk(site.disk, restoreBelow).placeOf(target).relative === "") throw new OutsideLimits(target);
  }
  if (job.inPlace === true || job.overwrite !== undefined) await assertConfirmed(exchange, password);
  return job;
}
