/** Archives with the same bytes each time: no order, owner or time of this machine comes into them. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { TOP } from "../../../src/core/apath.ts";
import type { Entry, Kind } from "../../../src/core/entry.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { TarWriter } from "../../../src/core/tar.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

/** Something in an archive: a file with `content`, a link with `linkTo`, else a directory. */
export interface Packed {
  /** Relative. */
  readonly path: string;
  readonly content?: Bytes | string;
  readonly linkTo?: string;
  /** Default: 0644 for files, 0755 for directories. */
  readonly mode?: number;
}

export function bytesOf(content: Bytes | string): Bytes {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

export function joined(parts: readonly (Bytes | string)[]): Bytes {
  const all = parts.map(bytesOf), whole = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of all) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** In hex. */
export function digest(algorithm: "sha256" | "md5", bytes: Bytes | string): string {
  return createHash(algorithm).update(bytes).digest("hex");
}

/** With the directories that lead to the files, everything owned by root. @param prefix before each name, such as "./" */
export async function tar(packed: readonly Packed[], time: Date, prefix = ""): Promise<Bytes> {
  const chunks: Bytes[] = [];
  const writer = new TarWriter((bytes) => chunks.push(bytes));
  for (const item of withDirectories(packed)) {
    const content = item.content === undefined ? undefined : bytesOf(item.content);
    await writer.add(entryOf(item, content, time), rawOf(prefix + item.path), { content: content ? [content] : [] });
  }
  writer.finish();
  return joined(chunks);
}

/** @param level from 1, the fastest, to 9; default: that of gzip */
export function gzip(bytes: Bytes, level?: number): Bytes {
  return new Uint8Array(gzipSync(bytes, level === undefined ? {} : { level }));
}

function withDirectories(packed: readonly Packed[]): readonly Packed[] {
  const byPath = new Map<string, Packed>();
  for (const { path } of packed) {
    const parts = path.split("/").slice(0, -1);
    parts.forEach((_, index) => {
      const directory = parts.slice(0, index + 1).join("/");
      byPath.set(directory, { path: directory });
    });
  }
  for (const item of packed) byPath.set(item.path, item);
  return [...byPath.values()].sort((a, b) => a.path < b.path ? -1 : 1);
}

function entryOf({ linkTo, mode }: Packed, content: Bytes | undefined, time: Date): Entry {
  const kind: Kind = linkTo !== undefined ? "symlink" : content === undefined ? "dir" : "file";
  return {
    path: TOP,
    kind,
    size: content?.length ?? 0,
    mtime: `${Math.floor(time.getTime() / 1000)}000000000`,
    mode: mode ?? (kind === "file" ? 0o644 : kind === "dir" ? 0o755 : 0o777),
    uid: 0,
    gid: 0,
    user: "root",
    group: "root",
    ...(linkTo !== undefined && { target: rawOf(linkTo) }),
  };
}

/** The archive of `ar`, which .deb files are. */
export function ar(files: readonly { readonly name: string; readonly content: Bytes | string }[], time: Date): Bytes {
  const seconds = Math.floor(time.getTime() / 1000);
  return joined([
    "!<arch>\n",
    ...files.flatMap(({ name, content }) => {
      const { length } = bytesOf(content);
      const header = name.padEnd(16) + String(seconds).padEnd(12) + "0".padEnd(6) + "0".padEnd(6) + "100644".padEnd(8) +
        String(length).padEnd(10) + "`\n";
      return [header, content, length % 2 === 1 ? "\n" : ""];
    }),
  ]);
}
