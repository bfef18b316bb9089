/** A disk that ignores case, and how accents are written, in some directories. */
import { type Raw, rawOf, textOf } from "../../src/core/raw.ts";
import type { Dir, Disk } from "../../src/platform/disk.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { hookedDisk } from "./hooked_disk.ts";

/** Operations whose last name belongs to the directory before it. */
const TWO_PLACES = ["link", "rename", "exchange"];
/** Operations of a directory whose first argument is no name. */
const NAMELESS = ["setSelfXattr", "setSelfAttributes"];

/** @param folds of the path of a name, or of a directory with a slash at its end */
export function foldingDisk(folds: (path: string) => boolean): Disk {
  return hookedDisk(openDisk(), ({ operation, path, args }, proceed) => {
    const changeable = args as unknown[];
    const fold = (at: number) => {
      const name = changeable[at];
      if (typeof name === "string") changeable[at] = rawOf(textOf(name as Raw).normalize("NFC").toLowerCase());
    };
    if (folds(path) && !NAMELESS.includes(operation)) fold(operation === "symlink" ? 1 : 0);
    if (TWO_PLACES.includes(operation) && folds(`${textOf((args[1] as Dir).path)}/`)) fold(2);
    return proceed();
  });
}
