/** Directories for the state of this machine, which belongs to no storage. */
import { BadUsage } from "../../core/fault.ts";
import { joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import { absolutePath } from "./paths.ts";
import type { World } from "../world.ts";

const LOCKS = rawOf("locks"), NOTIFY = rawOf("notify");

/**
 * BACKUP_TOOL_STATE, or the path by the XDG Base Directory Specification; for root, the system's directory.
 * @throws BadUsage if there is no home directory: state that others may write can't be trusted
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

/** Directory of journals for changes to sources. @throws BadUsage as {@link stateDirectory} */
export async function lockDirectory(world: World): Promise<Raw> {
  return joinRaw(await stateDirectory(world), LOCKS);
}

/** Directory of pending notifications. @throws BadUsage as {@link stateDirectory} */
export async function notifyDirectory(world: World): Promise<Raw> {
  return joinRaw(await stateDirectory(world), NOTIFY);
}

/** Directories of this program's state, as far as known: they are never backed up. */
export async function stateDirectories(world: World): Promise<Raw[]> {
  try {
    return [await stateDirectory(world)];
  } catch (error) {
    if (error instanceof BadUsage) return [];
    throw error;
  }
}

const CONTROL = rawOf(".backup-tool"), WEB = rawOf("web"), SERVER = rawOf("server");

/** Directory of a server's accounts: in its job directory, if it has one. @param jobs absolute path of that */
export async function accountDirectory(world: World, jobs: string | undefined): Promise<Raw> {
  if (jobs === undefined) return joinRaw(await stateDirectory(world), SERVER);
  return joinRaw(joinRaw(rawOf(jobs), CONTROL), WEB);
}
