/** A world whose output is the same on every machine, and how it is written down. */
import { printable } from "../../src/cli/output/terminal/escape_text.ts";
import { rawOf } from "../../src/core/raw.ts";
import { type Disk, DiskFault } from "../../src/platform/disk.ts";
import type { Machine } from "../../src/platform/machine.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { openBackend } from "../../src/backend/open.ts";
import { initVault } from "../../src/vault/access.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { FakeWorld, runIn } from "./fake_world.ts";

/** What the reader is: a person at a terminal of 80 columns, a program at the end of a pipe, or one that wants JSON. */
export const READERS = ["terminal", "pipe", "json"] as const;
export type Reader = typeof READERS[number];

/** Files of a vault have real times. */
const CLOCK = /The clock of this machine is/;

const SEPTEMBER = Date.UTC(2026, 8, 14, 15, 9, 26, 535);

export class ExpectedWorld extends FakeWorld implements Disposable {
  /** Of one length: output is laid out around it. */
  readonly base = `${Deno.env.get("TMPDIR") ?? "/tmp"}/backup-tool-expected-${crypto.randomUUID()}`;
  /** Made up, by their paths. */
  readonly files: Record<string, string> = {};
  /** A path that can't be opened: whoever runs the tests may be root. */
  refused: string | undefined;
  readonly #reader: Reader;
  #seed = 1;

  constructor(reader: Reader) {
    super();
    Deno.mkdirSync(this.base);
    this.#reader = reader;
    this.directory = this.base;
    this.variables["HOME"] = `${this.base}/home`;
    this.variables["BACKUP_TOOL_STATE"] = `${this.base}/st-ate`;
    this.stdout.isTerminal = this.stderr.isTerminal = reader === "terminal";
    // Messages aren't wrapped: their paths are not as long as those that are shown instead.
    this.stderr.width = 10_000;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }

  override machine(): Promise<Machine> {
    const random = (bytes: number) =>
      Uint8Array.from({ length: bytes }, () => (this.#seed = (this.#seed * 48271) % 0x7fffffff) & 0xff);
    const { refused } = this, real = anonymous(openDisk());
    const disk = refused === undefined ? real : refusing(real, refused);
    return Promise.resolve({ disk, clock: this.clock, random, workerScript: undefined });
  }

  /** A file with a time of its own. @param size of text that repeats the name */
  write(path: string, size: number, text = `${path}\n`): void {
    const full = `${this.base}/${path}`;
    Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(full, text.repeat(Math.ceil(size / text.length)).slice(0, size));
    Deno.chmodSync(full, 0o644);
    this.settle();
  }

  writeText(path: string, text: string): void {
    this.write(path, text.length, text);
  }

  /** Gives everything the same times: when a test runs must not show. */
  settle(path = this.base): void {
    for (const { name, isDirectory, isSymlink } of Deno.readDirSync(path)) {
      if (name === "st" || name.startsWith("st-")) continue;
      if (isDirectory) this.settle(`${path}/${name}`);
      else if (isSymlink) settleLink(path, name);
      else Deno.utimeSync(`${path}/${name}`, SEPTEMBER / 1000, SEPTEMBER / 1000);
    }
    if (path === this.base) return;
    Deno.chmodSync(path, 0o755);
    Deno.utimeSync(path, SEPTEMBER / 1000, SEPTEMBER / 1000);
  }

  override readTextFile = (path: string): string => {
    const text = this.files[path];
    if (text === undefined) throw new DiskFault("ENOENT", "read", rawOf(path));
    return text;
  };

  /** An encrypted vault whose passphrase is quick to try. */
  async makeVault(name: string, passphrase: string): Promise<void> {
    const machine = await this.machine();
    await using backend = await openBackend(`${this.base}/${name}`, { ...machine, create: true });
    await initVault(backend, machine, { passphrase, keyName: "me", workFactor: 1 });
  }

  /** Items of the storage whose bytes begin like that. */
  itemsLike(beginning: string): string[] {
    const all = (path: string): string[] =>
      [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) =>
        isDirectory ? all(`${path}/${name}`) : [`${path}/${name}`]
      );
    return all(`${this.base}/st/content`).filter((path) => Deno.readTextFileSync(path).startsWith(beginning));
  }

  /** Runs a command, and writes down what it said, as a person would see it. */
  async transcript(args: readonly string[], shown = args): Promise<string> {
    this.settle();
    const given = this.#reader === "json" ? [...args, "--json"] : args;
    const { status, stdout, stderr } = await runIn(this, ...given);
    const lines = (text: string, mark: string) => linesOf(text).map((line) => mark + printable(line));
    return [
      `$ backup-tool ${shown.map(quoted).join(" ")}`,
      ...lines(stdout, ""),
      ...lines(stderr, "! ").filter((line) => !CLOCK.test(line)),
      ...(status === 0 ? [] : [`(exit status ${status})`]),
    ].map((line) => this.#stable(line)).join("\n");
  }

  /** Without what is another one each time: ids of snapshots, and where the test's directory is. */
  #stable(line: string): string {
    return masked(line).replaceAll(this.base, "/mnt").replace(/[0-9a-f]{8}-[0-9a-f]{4}-\S{22}/, "(a UUID)")
      .replace(/\b[0-9a-f]{12,66}\b/g, (id) => this.#letterFor(id).repeat(id.length));
  }

  /** The same for all beginnings of one id. Contents are named by their bytes alone, and so are these letters. */
  #letterFor(id: string): string {
    const key = id.slice(0, 12);
    if (!this.#letters.has(key)) this.#letters.set(key, "abcdefghijklmnopqrstuvwxyz"[this.#letters.size % 26]!);
    return this.#letters.get(key)!;
  }
  readonly #letters = new Map<string, string>();
}

/** Who runs the test and when, and sizes on the disk, which depend on that. */
function masked(line: string): string {
  return line
    .replace(/^( {2}"(?:bytes|manifestBytes|freeBytes|freedBytes|storageBytes)": )\d+/, "$1(some)")
    .replace(/^(A prune would then free) \S+ [KMGT]?i?B$/, "$1 (some)")
    .replace(/^((?:manifests|free|Growth {5}about) +)\S+ [KMGT]iB/, "$1(some)")
    .replace(/^.+ wait to be deleted; prune again after .+$/, "(some) wait to be deleted; prune again after (some)")
    .replace(/("(?:waitingBytes|nextMs)": )\d+/, "$1(some)")
    .replace(/("(?:uid|gid)":)\d+/g, "$1(some)").replace(/("birthtime":)"[^"]+"/g, "$1(some)");
}

function linesOf(text: string): string[] {
  const lines = text.split("\n"), rest = lines.pop();
  return rest === "" ? lines : [...lines, `${rest}(no end of line)`];
}

function quoted(word: string): string {
  return /^[\w./:~=,@%+-]+$/.test(word) ? word : `'${word}'`;
}

/** The link itself, which the runtime can't. */
function settleLink(path: string, name: string): void {
  using directory = openDisk().openDir(rawOf(path));
  directory.setAttributes(rawOf(name), { mtime: `${SEPTEMBER}000000` });
}

function refusing(real: Disk, refused: string): Disk {
  return hookedDisk(real, ({ operation, path }, proceed) => {
    if (path === refused && operation.startsWith("open")) throw new DiskFault("EACCES", "open", rawOf(path));
    return proceed();
  });
}

/** Of nobody in particular, on a file system without numbers of its own. */
function anonymous(real: Disk): Disk {
  return new Proxy(real, {
    get(disk, key) {
      if (key === "abilities") return { ...disk.abilities, inodes: false };
      if (key === "userName" || key === "groupName") return () => "me";
      const value = Reflect.get(disk, key, disk);
      return typeof value === "function" ? value.bind(disk) : value;
    },
  });
}
