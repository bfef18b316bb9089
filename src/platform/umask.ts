/** The mask of modes that this process was started with. Its own modes are exact; programs that it runs expect a mask. */

let given: number | undefined;

/** Notes the mask before it is taken away; what is noted first counts. */
export function noteUmask(mask: number): void {
  given ??= mask & 0o777;
}

/** Undefined if it was never taken away: then other programs have it anyway. */
export function givenUmask(): number | undefined {
  return given;
}
