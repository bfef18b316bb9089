/**
 * The pair of Wang, Feng, Lai and Yu, 2004: two messages of 128 bytes with one MD5. They differ in six bits.
 */
export const COLLIDING_MD5 = "79054025255fb1a26e4bc422aef54eb4";
const FIRST = Uint8Array.fromHex(
  "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a" +
    "085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0" +
    "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70",
);

/** Two different contents with the MD5 {@link COLLIDING_MD5}. */
export function collidingPair(): [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] {
  const second = FIRST.slice();
  for (const at of [19, 45, 59, 83, 109, 123]) second[at]! ^= 0x80;
  return [FIRST.slice(), second];
}
