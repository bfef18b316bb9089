/** Addresses of clients and proxies, as texts. */

const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** The IPv4 address, if it was mapped to IPv6. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}

export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** An address in the form in which the system shows it; undefined for anything else. */
export function canonicalAddress(text: string): string | undefined {
  if (IPV4.test(text)) return text;
  if (!/^[0-9A-Fa-f:.]+$/.test(text) || !text.includes(":")) return undefined;
  const url = URL.parse(`http://[${plainAddress(text)}]/`) ?? URL.parse(`http://${plainAddress(text)}/`);
  return url?.hostname.replace(/^\[|\]$/g, "");
}

/** The address that a proxy gave as the last one, without a port; undefined if it is none. */
export function forwardedAddress(header: string | null): string | undefined {
  const last = header?.split(",").at(-1)?.trim() ?? "";
  const bare = last.replace(/^\[(.*)\](?::\d+)?$/, "$1").replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
  return canonicalAddress(bare);
}
