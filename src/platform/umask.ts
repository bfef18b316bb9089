/**
 * The umask that this process was started with. This process clears it, because its own modes are exact, but programs
 * that it runs expect one.
 */

let given: number | undefined;

/** Records the umask before it is cleared; only the first call counts. */
export function noteUmask(mask: number): void {
  given ??= mask & 0o777;
}

/** The recorded umask; undefined if it was never cleared, so that other programs inherit it anyway. */
export function givenUmask(): number | undefined {
  return given;
}
