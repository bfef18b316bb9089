/// <reference lib="dom" />
/** The directory that a person opened, through either of the two ways that browsers have. */
import type { Source } from "./sealed.ts";
import type { Place } from "./reader.ts";

interface DirectoryHandle {
  values(): AsyncIterable<{ readonly name: string }>;
  getDirectoryHandle(name: string): Promise<DirectoryHandle>;
  getFileHandle(name: string): Promise<{ getFile(): Promise<Blob> }>;
}

function sourceOf(blob: Blob): Source {
  const read = async (from: number, to: number) => new Uint8Array(await blob.slice(from, to).arrayBuffer());
  return { size: blob.size, read };
}

/** A place that reads names on demand. */
export function placeOfHandle(top: DirectoryHandle): Place {
  const directory = async (path: string): Promise<DirectoryHandle | undefined> => {
    let at = top;
    try {
      for (const name of path.split("/").filter((one) => one !== "")) at = await at.getDirectoryHandle(name);
      return at;
    } catch {
      return undefined; // there is none
    }
  };
  return {
    async list(path) {
      const names: string[] = [], handle = await directory(path);
      if (handle !== undefined) { for await (const { name } of handle.values()) names.push(name); }
      return names;
    },
    async open(path) {
      const slash = path.lastIndexOf("/"), handle = await directory(path.slice(0, Math.max(0, slash)));
      try {
        return handle && sourceOf(await (await handle.getFileHandle(path.slice(slash + 1))).getFile());
      } catch {
        return undefined;
      }
    },
  };
}

/** A place in which the browser has already listed every file. */
export function placeOfFiles(files: Iterable<File & { readonly webkitRelativePath: string }>): Place {
  const blobs = new Map<string, Blob>(), names = new Map<string, Set<string>>();
  for (const file of files) {
    const parts = file.webkitRelativePath.split("/").slice(1);
    blobs.set(parts.join("/"), file);
    for (let n = 0; n < parts.length; n++) {
      const parent = parts.slice(0, n).join("/"), known = names.get(parent) ?? new Set();
      known.add(parts[n] ?? "");
      names.set(parent, known);
    }
  }
  return {
    list: (path) => Promise.resolve([...names.get(path) ?? []]),
    open: (path) => {
      const blob = blobs.get(path);
      return Promise.resolve(blob && sourceOf(blob));
    },
  };
}
