/** What is asked of servers. */
import { DATA_SETS } from "./data.ts";
import type { Serving } from "./serving.ts";

/** A server with the files of the data set, and how they are asked for. */
export interface Given {
  readonly server: Serving;
  /** Address of the top of the files, by WebDAV. */
  readonly top: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly source: string;
  /** Size of the large file. */
  readonly largeBytes: number;
}

export interface ServerWork {
  readonly name: string;
  readonly title: string;
  readonly work: (given: Given) => Promise<void>;
}

export const DATA = DATA_SETS.find(({ name }) => name === "small")!;
export const LARGE_NAME = "large.bin";
const SMALL_FILES = 1500, MOST_SMALL = 64 * 1024;

export const SERVER_WORKS: readonly ServerWork[] = [
  { name: "large", title: "a large file", work: large },
  { name: "small", title: `${SMALL_FILES} small files, one after the other`, work: small },
  { name: "list", title: "the list of the largest directory", work: list },
];

/** @param bytes that are expected; undefined: any number */
async function received(url: string, { headers }: Given, bytes?: number): Promise<void> {
  const answer = await fetch(url, { headers }), body = answer.body ?? [];
  let length = 0;
  for await (const part of body) length += part.length;
  if (answer.ok && (bytes === undefined || length === bytes)) return;
  throw new Error(`${url} was answered with ${answer.status} and ${length} bytes`);
}

async function large(given: Given): Promise<void> {
  await received(given.top + LARGE_NAME, given, given.largeBytes);
}

async function small(given: Given): Promise<void> {
  for (const path of filesBelow(given.source, "").slice(0, SMALL_FILES)) {
    await received(given.top + path.split("/").map(encodeURIComponent).join("/"), given);
  }
}

async function list({ top, headers, source }: Given): Promise<void> {
  const path = largestBelow(source, "").path.split("/").map(encodeURIComponent).join("/");
  const answer = await fetch(top + path, { method: "PROPFIND", headers: { ...headers, depth: "1" } });
  if (answer.status !== 207) throw new Error(`${top}${path} was answered with ${answer.status}`);
  await answer.body?.pipeTo(new WritableStream());
}

function filesBelow(directory: string, path: string): string[] {
  const entries = [...Deno.readDirSync(directory)].toSorted((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory, isFile }) => {
    const at = path === "" ? name : `${path}/${name}`;
    if (isDirectory) return filesBelow(`${directory}/${name}`, at);
    return isFile && Deno.lstatSync(`${directory}/${name}`).size <= MOST_SMALL ? [at] : [];
  });
}

function largestBelow(directory: string, path: string): { path: string; entries: number } {
  const entries = [...Deno.readDirSync(directory)];
  const below = entries.filter(({ isDirectory }) => isDirectory).map(({ name }) =>
    largestBelow(`${directory}/${name}`, path === "" ? name : `${path}/${name}`)
  );
  return [{ path, entries: entries.length }, ...below].reduce((a, b) => b.entries > a.entries ? b : a);
}
