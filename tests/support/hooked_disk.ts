/** A disk that lets a test look at, refuse, replace or accompany every call. */
import type { Dir, Disk, OpenFile } from "../../src/platform/disk.ts";
import { type Raw, textOf } from "../../src/core/raw.ts";

export interface Call {
  /** Name of the method, such as "create" or "read". */
  readonly operation: string;
  /** Text of the path of what it is about: for a directory's methods with a name, that name in it. */
  readonly path: string;
  readonly args: readonly unknown[];
}

/** Answers a call: by `proceed()`, by a value of its own, or by throwing. */
export type Hook = (call: Call, proceed: () => unknown) => unknown;

export function hookedDisk(real: Disk, hook: Hook): Disk {
  return wrap(real, "", hook) as Disk;
}

const REAL = Symbol("the object behind the proxy");
/** Methods of a directory whose first argument is no name in it. */
const NAMELESS = new Set<PropertyKey>([
  "list",
  "statSelf",
  "setSelfAttributes",
  "selfXattrs",
  "setSelfXattr",
  "sync",
  "syncFileSystem",
  "freeBytes",
  "fileSystem",
  "reliableInodes",
  "mountId",
]);

function wrap(object: object, path: string, hook: Hook): object {
  return new Proxy(object, {
    get(target, key) {
      if (key === REAL) return target;
      const value = Reflect.get(target, key, target);
      if (typeof value !== "function" || typeof key === "symbol") return bound(value, target);
      return (...args: unknown[]) => {
        const place = isDir(target) ? placeIn(target, key, args) : path;
        const call: Call = { operation: key, path: place, args };
        const answer = hook(call, () => value.apply(target, args.map(unwrap)));
        return isDir(answer) || isFile(answer) ? wrap(answer, place, hook) : answer;
      };
    },
  });
}

function bound(value: unknown, target: object): unknown {
  return typeof value === "function" ? value.bind(target) : value;
}

function placeIn(dir: Dir, key: PropertyKey, args: readonly unknown[]): string {
  if (NAMELESS.has(key) || typeof args[0] !== "string") return textOf(dir.path);
  // The second argument of symlink() is the name.
  const name = (key === "symlink" ? args[1] : args[0]) as Raw;
  return name === "" ? textOf(dir.path) : `${textOf(dir.path)}/${textOf(name)}`;
}

function unwrap(value: unknown): unknown {
  return isDir(value) || isFile(value) ? (value as unknown as Record<symbol, unknown>)[REAL] ?? value : value;
}

function isDir(value: unknown): value is Dir {
  return typeof value === "object" && value !== null && "openPath" in value;
}

function isFile(value: unknown): value is OpenFile {
  return typeof value === "object" && value !== null && "seekHole" in value;
}
