/** Number of digits of an id that are shown to people. */
const DIGITS = 12;

/** The abbreviated id that people see. */
export function shortId(id: string): string {
  return id.slice(0, DIGITS);
}
