/** Where the system wants what is soon removed. */
import type { World } from "../world.ts";

export function temporaryDirectory(world: Pick<World, "env" | "here">): string {
  const isWindows = world.here.isWindows === true;
  return world.env("TMPDIR") ?? (isWindows ? world.env("TEMP") ?? "C:/Windows/Temp" : "/tmp");
}
