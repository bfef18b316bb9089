/** Host names in a certificate: its extension subjectAltName (RFC 5280). Not every runtime's X509Certificate has them. */
import { Buffer } from "node:buffer";

/** The extension's identifier, in DER. */
const ALT_NAME = Buffer.from("0603551d11", "hex");
const BOOLEAN = 0x01, OCTET_STRING = 0x04, SEQUENCE = 0x30, DNS_NAME = 0x82;

interface Element {
  readonly tag: number;
  readonly from: number;
  readonly to: number;
}

/** Host names that a certificate is for, in lower case; none if it has none, or can't be read. @param der in DER */
export function altNames(der: Uint8Array<ArrayBuffer>): readonly string[] {
  const bytes = Buffer.from(der), found = bytes.indexOf(ALT_NAME);
  if (found < 0) return [];
  let outer = elementAt(bytes, found + ALT_NAME.length);
  if (outer?.tag === BOOLEAN) outer = elementAt(bytes, outer.to); // it may be critical
  const list = outer?.tag === OCTET_STRING ? elementAt(bytes, outer.from) : undefined, names: string[] = [];
  if (list?.tag !== SEQUENCE) return [];
  for (let one = elementAt(bytes, list.from); one !== undefined && one.to <= list.to; one = elementAt(bytes, one.to)) {
    const name = bytes.toString("latin1", one.from, one.to).toLowerCase();
    if (one.tag === DNS_NAME && /^[a-z0-9.*_-]+$/.test(name)) names.push(name);
  }
  return names;
}

function elementAt(bytes: Buffer, at: number): Element | undefined {
  const [tag, first] = bytes.subarray(at, at + 2);
  if (tag === undefined || first === undefined) return undefined;
  const more = first < 0x80 ? 0 : first & 0x7f, from = at + 2 + more;
  if (more > 3 || from > bytes.length) return undefined;
  const length = more === 0 ? first : bytes.readUIntBE(at + 2, more), to = from + length;
  return to > bytes.length ? undefined : { tag, from, to };
}
