/** The name of this machine's time zone. */

/** What the system's link points to, relative or absolute: the file of a zone. */
const ZONE_FILE = /\/zoneinfo\/((?:[A-Z][A-Za-z_]+\/)+[A-Z][A-Za-z_+\-0-9]+)$/;

/** Reads a symlink; undefined if there is none. */
type ReadLink = (path: string) => string | undefined;

/**
 * IANA name such as "Europe/Berlin". The link by which the system is set up says it at once; only where there is none, or
 * another zone is wished for by TZ, the runtime is asked, which has to load its calendars for it: 15 ms.
 * @param tz the variable TZ
 */
export function timeZone(tz: string | undefined, readLink: ReadLink = linkIfThere): string {
  const [, name] = tz === undefined ? ZONE_FILE.exec(readLink("/etc/localtime") ?? "") ?? [] : [];
  if (name === "Etc/UTC") return "UTC";
  return name ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function linkIfThere(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}
