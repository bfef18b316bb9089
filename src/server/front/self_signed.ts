/** Creates a self-signed certificate: ECDSA P-256, X.509 version 3 (RFC 5280), encoded to DER here. */
import { Buffer } from "node:buffer";
import type { Random } from "../../core/clock.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
export const VALID_DAYS = 398;

type Der = Uint8Array<ArrayBuffer>;

export interface Certificate {
  /** Certificate and key in PEM. */
  readonly cert: string;
  readonly key: string;
}

/** Creates a certificate. @param names host names and addresses; the first one is the subject */
export async function selfSigned(names: readonly string[], nowMs: number, random: Random): Promise<Certificate> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
  const { publicKey, privateKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
  const name = nameOf(names[0] ?? "backup-tool");
  const serial = random(16);
  serial[0] = serial[0]! & 0x7f | 0x40;
  const body = sequence(
    tagged(0xa0, tagged(INTEGER, Uint8Array.of(2))),
    tagged(INTEGER, serial),
    ECDSA_WITH_SHA256,
    name,
    sequence(timeOf(nowMs - DAY_MS), timeOf(nowMs + VALID_DAYS * DAY_MS)),
    name,
    spki,
    tagged(0xa3, sequence(altNames(names), CONSTRAINTS, SERVER_AUTH)),
  );
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, body);
  const bits = tagged(BIT_STRING, joined([Uint8Array.of(0), derSignature(new Uint8Array(signature))]));
  return { cert: pem("CERTIFICATE", sequence(body, ECDSA_WITH_SHA256, bits)), key: pem("PRIVATE KEY", pkcs8) };
}

/** SHA-256 of a certificate, as browsers show it. @param cert in PEM */
export async function fingerprint(cert: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", derOf(cert));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(":");
}

/** The first certificate of a text in PEM; empty if there is none. */
export function derOf(cert: string): Der {
  const base64 = /-----BEGIN CERTIFICATE-----([^-]+)-----END/.exec(cert)?.[1] ?? "";
  return Uint8Array.from(Buffer.from(base64, "base64"));
}

const INTEGER = 0x02, BIT_STRING = 0x03, OCTET_STRING = 0x04, OID = 0x06, UTF8 = 0x0c, TIME = 0x18, SEQUENCE = 0x30;
const SET = 0x31, BOOLEAN = 0x01;

const ECDSA_WITH_SHA256 = sequence(oid("2a8648ce3d040302"));
const CONSTRAINTS = sequence(oid("551d13"), tagged(BOOLEAN, Uint8Array.of(0xff)), tagged(OCTET_STRING, sequence()));
const SERVER_AUTH = sequence(oid("551d25"), tagged(OCTET_STRING, sequence(oid("2b06010505070301"))));

function altNames(names: readonly string[]): Der {
  const parts = names.map((name) => {
    const address = addressBytes(name);
    return address === undefined ? tagged(0x82, new TextEncoder().encode(name)) : tagged(0x87, address);
  });
  return sequence(oid("551d11"), tagged(OCTET_STRING, sequence(...parts)));
}

/** Bytes of an IPv4 address or of ::1; undefined for anything else. */
function addressBytes(name: string): Der | undefined {
  if (name === "::1") return Uint8Array.from([...Array<number>(15).fill(0), 1]);
  return /^\d+\.\d+\.\d+\.\d+$/.test(name) ? Uint8Array.from(name.split(".").map(Number)) : undefined;
}

function nameOf(text: string): Der {
  return sequence(tagged(SET, sequence(oid("550403"), tagged(UTF8, new TextEncoder().encode(text.slice(0, 64))))));
}

function timeOf(ms: number): Der {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
  return tagged(TIME, new TextEncoder().encode(text));
}

/** A signature in DER, from two numbers of 32 bytes, one after the other. */
function derSignature(raw: Der): Der {
  const number = (bytes: Der) => {
    const first = bytes.findIndex((byte) => byte !== 0), least = bytes.slice(first < 0 ? bytes.length - 1 : first);
    return tagged(INTEGER, least[0]! & 0x80 ? joined([Uint8Array.of(0), least]) : least);
  };
  return sequence(number(raw.slice(0, 32)), number(raw.slice(32)));
}

function sequence(...parts: readonly Der[]): Der {
  return tagged(SEQUENCE, joined(parts));
}

function oid(hex: string): Der {
  return tagged(OID, Uint8Array.from(Buffer.from(hex, "hex")));
}

function tagged(tag: number, content: Der): Der {
  const { length } = content;
  const lengths = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return joined([Uint8Array.of(tag, ...lengths), content]);
}

function joined(parts: readonly Der[]): Der {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function pem(label: string, der: Der): string {
  const lines = Buffer.from(der).toString("base64").replace(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
