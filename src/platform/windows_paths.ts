/** What Windows makes of names and links: its documentation ("Naming Files, Paths, and Namespaces") as data. */

/** Paths and streams; names whose end Windows drops; devices, in every directory and whatever is appended. */
const TRAPS = /[\\:]|[. ]$|^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³]) *(?:\..*)?$/i;

/** True of names that Windows takes for something else than a file of that name. Others it refuses by itself. */
export function isWindowsTrap(name: string): boolean {
  return TRAPS.test(name);
}

/** A link follows only separators of its own system, while snapshots have "/". */
export function windowsTarget(target: string): string {
  return target.replaceAll("/", "\\");
}

/** A target as it was read, for a snapshot. */
export function portableTarget(target: string): string {
  return target.replaceAll("\\", "/");
}

/**
 * A link to a directory is another kind of object than one to a file, and the runtime guesses it from the wrong directory.
 * @param isDirectory of a path; false if nothing is there
 * @param directory which the link will be in
 */
export function symlinkType(directory: string, target: string, isDirectory: (path: string) => boolean): "dir" | "file" {
  const isAbsolute = /^(?:[a-z]:)?[\\/]/i.test(target);
  return isDirectory(isAbsolute ? target : `${directory}/${target}`) ? "dir" : "file";
}
