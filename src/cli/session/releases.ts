/** Checks for a newer version of this tool, only on request. */
import { BadUsage, Fault } from "../../core/fault.ts";
import { BadJson, fieldsOf, parseJson } from "../../core/json.ts";
import { VERSION } from "../../core/version.ts";
import { httpText } from "../../backend/http_text.ts";
import type { Session } from "./session.ts";

/** File that is requested at the address of the releases. */
const NEWEST = "newest.json";
const TIMEOUT_MS = 30_000, MOST_BYTES = 65_536;

/** The address doesn't describe a release. */
export class NoRelease extends Fault {
  readonly code = "no-release";
  readonly hint = "Give the address of a directory of releases, which holds newest.json";
  constructor(url: string) {
    super(`Nothing at ${url} says which version is the newest`);
  }
}

/**
 * The newest version.
 * @param address of a directory of releases
 * @param variable name of the variable that may hold the address instead
 * @throws BadUsage, PlaceUnavailable, NoRelease
 */
export async function newestVersion(session: Session, address: string | undefined, variable: string): Promise<string> {
  const base = address === undefined ? null : URL.parse(address.replace(/\/?$/, "/"));
  if (base === null || !/^https?:$/.test(base.protocol)) {
    throw new BadUsage("--check needs to know where releases are", `Give an https: address, or set ${variable}`);
  }
  const url = new URL(NEWEST, base);
  const terms = { clock: session.world.clock, timeoutMs: TIMEOUT_MS, mostBytes: MOST_BYTES, signal: session.signal };
  return versionIn(await httpText(url, terms), url.href);
}

function versionIn(text: string, url: string): string {
  try {
    const { name, version } = fieldsOf(parseJson(text));
    if (name === "backup-tool" && typeof version === "string" && /^\d+\.\d+\.\d+$/.test(version)) return version;
  } catch (error) {
    if (!(error instanceof BadJson)) throw error;
  }
  throw new NoRelease(url);
}

/** Advice for people about a version. */
export function adviceOf(newest: string): string {
  const order = compareVersions(newest, VERSION);
  if (order > 0) return `${newest} is there. Its release notes say what is new`;
  return order === 0 ? "This is the newest version" : `This is newer than ${newest}, the newest release`;
}

/** @returns a positive number if `a` is newer, a negative one if `b` is */
export function compareVersions(a: string, b: string): number {
  const [first, second] = [a, b].map((version) => version.split(".").map(Number));
  for (const [index, part] of (first ?? []).entries()) {
    const other = second?.[index] ?? 0;
    if (part !== other) return part - other;
  }
  return 0;
}
