/** Where this tool notes what concerns the machine and no storage. */
import { BadUsage } from "../../core/fault.ts";
import { joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import { absolutePath } from "./paths.ts";
import type { World } from "../world.ts";

const LOCKS = rawOf("locks"), NOTIFY = rawOf("notify");

/**
 * BACKUP_TOOL_STATE, or what the XDG Base Directory Specification says; for root the system's own place.
 * @throws BadUsage if nobody knows a home directory: what lies where others may write is not to be believed
 */
async function stateDirectory(world: World): Promise<Raw> {
  const given = world.env("BACKUP_TOOL_STATE");
  if (given !== undefined) return absolutePath(world, given);
  if ((await world.machine()).disk.uid === 0) return rawOf("/var/lib/backup-tool");
  const home = world.here.home(), state = world.env("XDG_STATE_HOME");
  const own = state?.startsWith("/") ? state : home === undefined ? undefined : `${home}/.local/state`;
  if (own !== undefined) return absolutePath(world, `${own}/backup-tool`);
  throw new BadUsage(
    "HOME is not set, and the system knows no home directory of this user",
    "Set HOME, or BACKUP_TOOL_STATE",
  );
}

/** What was done to sources. @throws BadUsage as {@link stateDirectory} */
export async function lockDirectory(world: World): Promise<Raw> {
  return joinRaw(await stateDirectory(world), LOCKS);
}

/** Notifications that wait. @throws BadUsage as {@link stateDirectory} */
export async function notifyDirectory(world: World): Promise<Raw> {
  return joinRaw(await stateDirectory(world), NOTIFY);
}

/** Where this program keeps state of its own, as far as anybody knows: it is never backed up. */
export async function stateDirectories(world: World): Promise<Raw[]> {
  try {
    return [await stateDirectory(world)];
  } catch (error) {
    if (error instanceof BadUsage) return [];
    throw error;
  }
}

const CONTROL = rawOf(".backup-tool"), WEB = rawOf("web"), SERVER = rawOf("server");

/** Where the accounts of a server are kept: with its jobs, if it has a directory of them. @param jobs that, absolute */
export async function accountDirectory(world: World, jobs: string | undefined): Promise<Raw> {
  if (jobs === undefined) return joinRaw(await stateDirectory(world), SERVER);
  return joinRaw(joinRaw(rawOf(jobs), CONTROL), WEB);
}
