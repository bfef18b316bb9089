/** Every row of a vault's cache, as lines of text that don't depend on the order in which they came. */
import { Buffer } from "node:buffer";
import { DatabaseSync } from "node:sqlite";

const hex = (value: unknown) => value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value);

/** @param path of `index.sqlite` */
export function indexRows(path: string): string[] {
  const database = new DatabaseSync(path, { readOnly: true });
  const all = (kind: string, sql: string) =>
    database.prepare(sql).all().map((row) => `${kind} ${Object.values(row).map(hex).join(" ")}`);
  try {
    return [
      ...all("object", "SELECT name, facts, marks FROM object"),
      ...all("line", "SELECT o.name, l.unit, l.facts, l.items FROM line l LEFT JOIN object o ON o.id = l.object"),
      ...all(
        "item",
        "SELECT i.key, o.name, l.unit FROM item i LEFT JOIN line l ON l.id = i.line LEFT JOIN object o ON o.id = l.object",
      ),
    ].sort();
  } finally {
    database.close();
  }
}

/** @param path of `snapshots.sqlite` */
export function snapshotRows(path: string): string[] {
  const database = new DatabaseSync(path, { readOnly: true });
  const all = (kind: string, sql: string) =>
    database.prepare(sql).all().map((row) => `${kind} ${Object.values(row).map(hex).join(" ")}`);
  try {
    return [...all("root", "SELECT name, head, bytes FROM root"), ...all("hunk", "SELECT id, bytes FROM hunk")].sort();
  } finally {
    database.close();
  }
}
