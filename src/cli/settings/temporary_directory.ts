/** The system's directory for temporary files. */
import type { World } from "../world.ts";

export function temporaryDirectory(world: Pick<World, "env" | "here">): string {
  const isWindows = world.here.isWindows === true;
  return world.env("TMPDIR") ?? (isWindows ? world.env("TEMP") ?? "C:/Windows/Temp" : "/tmp");
}
