/** Names that this server answers to. Those of other sites that resolve to it (DNS rebinding) are refused. */
import { Fault } from "../../core/fault.ts";

export class OtherHost extends Fault {
  readonly code = "other-host";
  readonly hint: string;
  constructor(host: string) {
    super(`This server doesn't answer to ${JSON.stringify(host)}`);
    this.hint = `Start it with \`--host-name ${host}\` if that is its name`;
  }
}

/**
 * Checks a request's host. @param authority such as `nas:8480`, `[::1]` @param names further names, in lower case;
 * `*.example` stands for all of one more label
 * @throws OtherHost
 */
export function assertHost(authority: string, names: ReadonlySet<string>): void {
  const host = hostOf(authority);
  // Nobody can make an address lead elsewhere.
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) || /^\[[0-9a-f:.]+\]$/.test(host)) return;
  if (host === "localhost" || host.endsWith(".localhost") || names.has(host)) return;
  if (/^[^.]/.test(host) && names.has(host.replace(/^[^.]+/, "*"))) return;
  throw new OtherHost(host);
}

/** The host without port and final dot. */
function hostOf(authority: string): string {
  return authority.replace(/:\d*$/, "").replace(/\.$/, "");
}

/** All names of this server. @param machine name of this machine @param more names given by the user */
export function hostNames(machine: string, more: readonly string[]): Set<string> {
  const own = machine.toLowerCase(), [short = own] = own.split(".");
  return new Set([own, short, `${short}.local`, ...more.map((name) => name.toLowerCase().replace(/\.$/, ""))]);
}
