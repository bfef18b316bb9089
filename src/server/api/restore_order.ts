/** Restores requested by users: checked here for an immediate answer, and again when they are performed. */
import * as z from "zod";
import { named } from "./schemas/named.ts";
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

/** Keys that a user may give, with their meanings in a job file; the others are added here. */
export const ORDER = named(
  "RestoreOrder",
  z.strictObject({
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
  }),
);

/** The server was started without directories that it may restore into. */
export class NowhereToRestore extends Fault {
  readonly code = "nowhere-to-restore";
  readonly hint = "Start `serve` with `--restore-below DIR` to have files restored into directories below that";
  constructor() {
    super("This server restores nowhere: files can be downloaded");
  }
}

/**
 * The restore job for a request, with its limits.
 * @param password of the account, if it was sent
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
