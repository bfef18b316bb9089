/** Jobs that contain commands: whoever can write such a file can do everything that the service can. */
import { UntrustedCommands } from "../../operations/hooks/faults.ts";
import type { Stat } from "../../core/stat.ts";
import { whyOthersWrite } from "../../platform/written_by_others.ts";
import { type Job, serverOf } from "./schema.ts";

/** The keys of a job that contain commands. */
export function commandKeys(job: Job): readonly string[] {
  const keys = job.hooks === undefined ? [] : ["hooks"];
  if (job.kind !== "backup") return keys;
  const server = serverOf(job.sources);
  if (typeof job.lock === "object") keys.push("lock");
  if (typeof server === "object" && server.credentialsCommand !== undefined) keys.push("credentialsCommand");
  return keys;
}

/** Owners and permissions of a job file, and of the directories that contain it. */
export interface Origin {
  readonly file: Pick<Stat, "uid" | "mode">;
  readonly directories: readonly Pick<Stat, "uid" | "mode">[];
}

/** Why somebody other than the user of this process could have written a job; undefined if nobody could. */
export function whyUntrusted({ file, directories }: Origin): string | undefined {
  for (const directory of directories) {
    const why = whyOthersWrite("its directory", directory);
    if (why !== undefined) return why;
  }
  return whyOthersWrite("the file", file);
}

/**
 * Rejects an untrusted job that contains commands.
 * @param name of the job file
 * @param why it is not trusted; undefined if it is
 * @throws UntrustedCommands
 */
export function refuseUntrusted(name: string, job: Job, why: string | undefined): void {
  const keys = why === undefined ? [] : commandKeys(job);
  if (why !== undefined && keys.length > 0) throw new UntrustedCommands(name, keys, why);
}
