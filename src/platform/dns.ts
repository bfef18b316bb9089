/** Resolves host names. */
import { lookup } from "node:dns/promises";

/** All addresses of a host; an address resolves to itself. @throws an Error with a `code`, such as "ENOTFOUND" */
export async function resolveHost(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}
