/** What the readers of the page are tested with: a directory as a browser would show it, and everything read. */
import type { Place, Reader } from "../../src/recover/reader.ts";
import type { Source } from "../../src/recover/sealed.ts";

export function placeAt(top: string): Place {
  const list = (path: string) => {
    try {
      return Promise.resolve([...Deno.readDirSync(`${top}/${path}`)].map(({ name }) => name));
    } catch {
      return Promise.resolve([]);
    }
  };
  const open = (path: string): Promise<Source | undefined> => {
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = Deno.readFileSync(`${top}/${path}`);
    } catch {
      return Promise.resolve(undefined);
    }
    return Promise.resolve({ size: bytes.length, read: (from, to) => Promise.resolve(bytes.slice(from, to)) });
  };
  return { list, open };
}

/** All files of all snapshots, read to their ends. */
export async function readAll(reader: Reader) {
  let files = 0, bytes = 0;
  const contents = new Set<string>(), broken: string[] = [];
  for (const snapshot of reader.snapshots) {
    for await (const entry of reader.entries(snapshot)) {
      if (entry.content === undefined) continue;
      files++;
      contents.add(entry.content);
      try {
        for await (const part of reader.content(entry)) bytes += part.length;
      } catch {
        broken.push(entry.path);
      }
    }
  }
  return { snapshots: reader.snapshots.length, files, contents: contents.size, bytes, broken };
}
