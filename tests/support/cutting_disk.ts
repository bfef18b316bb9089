/**
 * A disk that dies: change number `cut` and every change after it fails, as if the process had been killed right there.
 * Reading goes on, so that clean-up code may run into the wall too.
 */
import type { Dir, Disk, OpenFile } from "../../src/platform/disk.ts";

/** Not a Fault: nobody foresees it, nobody handles it. */
export class PowerCut extends Error {}

const DIR_CHANGES = new Set<PropertyKey>([
  "create",
  "openOrCreate",
  "mkdir",
  "symlink",
  "mknod",
  "rename",
  "exchange",
  "unlink",
  "rmdir",
  "setAttributes",
  "setSelfAttributes",
  "setXattr",
  "addFlags",
  "setSelfXattr",
  "sync",
  "syncFileSystem",
  "link",
]);
const FILE_CHANGES = new Set<PropertyKey>([
  "write",
  "truncate",
  "setAttributes",
  "setXattr",
  "addFlags",
  "cloneFrom",
  "sync",
]);

export class CuttingDisk {
  changes = 0;
  readonly #real: Disk;
  readonly #cut: number;

  /** @param cut the number of the first change that fails; Infinity: none, only count */
  constructor(real: Disk, cut: number) {
    this.#real = real;
    this.#cut = cut;
  }

  get disk(): Disk {
    return new Proxy(this.#real, {
      get: (target, key) => this.#member(target, key, new Set()),
    });
  }

  #wrap(value: unknown): unknown {
    if (isDir(value)) return this.#proxy(value, DIR_CHANGES);
    if (isFile(value)) return this.#proxy(value, FILE_CHANGES);
    return value;
  }

  #proxy(object: Dir | OpenFile, changes: ReadonlySet<PropertyKey>): unknown {
    return new Proxy(object, { get: (target, key) => this.#member(target, key, changes) });
  }

  #member(target: object, key: PropertyKey, changes: ReadonlySet<PropertyKey>): unknown {
    if (key === REAL) return target;
    const value = Reflect.get(target, key, target);
    if (typeof value !== "function") return value;
    return (...args: unknown[]) => {
      if (changes.has(key) && this.changes++ >= this.#cut) throw new PowerCut(`cut before ${String(key)}`);
      return this.#wrap(value.apply(target, args.map(unwrap)));
    };
  }
}

const REAL = Symbol("the object behind the proxy");

function unwrap(value: unknown): unknown {
  return isDir(value) || isFile(value) ? (value as unknown as Record<symbol, unknown>)[REAL] ?? value : value;
}

function isDir(value: unknown): value is Dir {
  return typeof value === "object" && value !== null && "openPath" in value;
}

function isFile(value: unknown): value is OpenFile {
  return typeof value === "object" && value !== null && "seekHole" in value;
}
