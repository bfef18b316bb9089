/** How to start this program again. */
import { IS_WINDOWS } from "./portable_calls.ts";

/** The command: the executable; when running from source, the runtime with its arguments. */
export function ownProgram(): string[] {
  return Deno.build.standalone ? [Deno.execPath()] : [Deno.execPath(), "run", "-A", new URL(Deno.mainModule).pathname];
}

export type ServiceManager = "systemd" | "launchd" | "task-scheduler" | "cron";

/** The service manager of this system. */
export function serviceManager(): ServiceManager {
  if (Deno.build.os === "darwin") return "launchd";
  if (IS_WINDOWS) return "task-scheduler";
  try {
    // As sd_booted(3) has it.
    return Deno.statSync("/run/systemd/system").isDirectory ? "systemd" : "cron";
  } catch {
    return "cron";
  }
}
