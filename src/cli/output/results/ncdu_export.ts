/** The export format of ncdu 1.9 and later (dev.yorhel.nl/ncdu/jsonfmt), which `ncdu -f FILE` browses. */
import { Buffer } from "node:buffer";
import { nameOf, TOP } from "../../../core/apath.ts";
import { type Entry, KIND_BITS } from "../../../core/entry.ts";
import { msOfNs } from "../../../core/time_text.ts";
import { VERSION } from "../../../core/version.ts";
import type { Listed } from "../../../operations/browse/listing.ts";
import type { Printer } from "../terminal/printer.ts";

const GATHERED_CHARACTERS = 64 * 1024;

/** Prints a tree. @param listed its entries @param name of its top @param nowMs time of the export */
export function printNcdu(
  listed: Iterable<Listed>,
  { out, name, nowMs }: { out: Printer; name: string; nowMs: number },
) {
  const about = { progname: "backup-tool", progver: VERSION, timestamp: Math.floor(nowMs / 1000) };
  let text = `[1,2,${JSON.stringify(about)},\n[${JSON.stringify({ name })}`, depth = 0;
  for (const { entry, last } of listed) {
    if (last.length === 0) continue; // the top
    text += `${"]".repeat(Math.max(0, depth - last.length + 1))},\n`;
    depth = last.length - 1;
    text += entry.kind === "dir" ? `[${itemText(entry)}` : itemText(entry);
    if (entry.kind === "dir") depth = last.length;
    if (text.length < GATHERED_CHARACTERS) continue;
    out.bytes(Buffer.from(text, "latin1"));
    text = "";
  }
  out.bytes(Buffer.from(`${text}${"]".repeat(depth + 1)}]\n`, "latin1"));
}

/** JSON of an item. Names are bytes, as ncdu expects. */
function itemText({ path, kind, size, mtime, mode, uid, gid, hardLink, problems }: Entry): string {
  return JSON.stringify({
    name: path === TOP ? "/" : nameOf(path),
    asize: kind === "file" ? size : undefined,
    dsize: kind === "file" ? size : undefined,
    ino: hardLink === undefined ? undefined : Number(hardLink.split(":").at(-1)),
    hlnkc: hardLink === undefined ? undefined : true,
    notreg: kind === "file" || kind === "dir" ? undefined : true,
    read_error: problems === undefined ? undefined : true,
    uid,
    gid,
    mode: mode | KIND_BITS[kind],
    mtime: Math.floor(msOfNs(mtime) / 1000),
  });
}
