/** Digits of an id that tell objects apart for people. */
const DIGITS = 12;

/** As people see an id. */
export function shortId(id: string): string {
  return id.slice(0, DIGITS);
}
