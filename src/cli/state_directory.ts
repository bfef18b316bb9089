/** Where this tool notes what concerns the machine and no storage. */
import { rawOf } from "../core/raw.ts";
import type { Raw } from "../core/raw.ts";
import type { Session } from "./session.ts";

/** BACKUP_TOOL_STATE, or what the XDG Base Directory Specification says; for root the system's own place. */
export async function lockDirectory(session: Session): Promise<Raw> {
  const { world } = session;
  const given = world.env("BACKUP_TOOL_STATE");
  if (given !== undefined) return world.absolutePath(`${given}/locks`);
  if ((await session.machine()).disk.uid === 0) return rawOf("/var/lib/backup-tool/locks");
  const home = world.env("HOME") ?? world.env("USERPROFILE") ?? "/tmp";
  return world.absolutePath(`${world.env("XDG_STATE_HOME") ?? `${home}/.local/state`}/backup-tool/locks`);
}
