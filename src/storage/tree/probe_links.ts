/** Finds out by trying what the storage's file system allows. */
import { rawOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";

/** @returns links: hard links work; colons: names may contain `:` */
export function probeLinks(storage: Dir): { links: boolean; colons: boolean } {
  using temp = storage.openDir(rawOf("tmp"));
  const plain = rawOf("probe"), second = rawOf("probe-link");
  temp.unlink(plain);
  temp.unlink(second);
  temp.create(plain, 0o600)?.[Symbol.dispose]();
  const links = temp.link(plain, temp, second) === "linked";
  temp.unlink(plain);
  temp.unlink(second);
  return { links, colons: allowsColon(temp) };
}

function allowsColon(temp: Dir): boolean {
  const name = rawOf("probe:colon");
  try {
    temp.create(name, 0o600)?.[Symbol.dispose]();
    return temp.unlink(name);
  } catch (error) {
    if (error instanceof DiskFault) return false;
    throw error;
  }
}
