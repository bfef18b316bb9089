/** Encodes values in base64, sorted by name; undefined if there are none. */
export function encodeXattrs(
  xattrs: Readonly<Record<string, Uint8Array<ArrayBuffer>>>,
): Readonly<Record<string, string>> | undefined {
  const names = Object.keys(xattrs);
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.sort().map((name) => [name, base64(xattrs[name]!)]));
}

function base64(bytes: Uint8Array<ArrayBuffer>): string {
  return btoa(String.fromCharCode(...bytes));
}
