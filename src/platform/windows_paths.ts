/** Rules of Windows for names and links, from its documentation ("Naming Files, Paths, and Namespaces"). */

/** Paths and streams; names whose end Windows drops; devices, in every directory and whatever is appended. */
const TRAPS = /[\\:]|[. ]$|^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³]) *(?:\..*)?$/i;

/**
 * True for names that Windows takes for something other than a file of that name. It rejects other invalid names
 * itself.
 */
export function isWindowsTrap(name: string): boolean {
  return TRAPS.test(name);
}

/** Converts a symlink's target for Windows, which follows only its own separators; snapshots have "/". */
export function windowsTarget(target: string): string {
  return target.replaceAll("/", "\\");
}

/** Converts a symlink's target that was read on Windows for a snapshot. */
export function portableTarget(target: string): string {
  return target.replaceAll("\\", "/");
}

/**
 * The type of symlink to create. Windows distinguishes links to directories from links to files, and the runtime
 * guesses the type relative to the wrong directory.
 * @param isDirectory false for a missing path
 * @param directory that will contain the link
 */
export function symlinkType(directory: string, target: string, isDirectory: (path: string) => boolean): "dir" | "file" {
  const isAbsolute = /^(?:[a-z]:)?[\\/]/i.test(target);
  return isDirectory(isAbsolute ? target : `${directory}/${target}`) ? "dir" : "file";
}
