/**
 * What a backup writes, to the byte: the same source at the same time gets the same hunks and roots as ever. A change of
 * these ids means that each series would write all of its hunks anew, and is a change of the format.
 */
import { deepStrictEqual } from "node:assert/strict";
import type { RootId } from "../../src/core/content_id.ts";
import { hashBytes } from "../../src/core/digest.ts";
import type { Stat } from "../../src/core/stat.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { run, World } from "../support/world.ts";

/** Of two snapshots, as the release of November 2026 made them. */
const EXPECTED = {
  sha256: [
    {
      root: "1eadbff1aa8970080c85b59cb3ccd18270ef557e2d16ff1ae439479941362106",
      hunks: [
        "f699f1c7eacbf7d0797a355fcbe48f2b69379e4f07b55f0b6b311eadba16569ff1",
        "341852db3ad204c8b30734e9b2042a0494380ab1f3352631cd8b0b807be34e8af1",
      ],
    },
    {
      root: "2b792dbd658dc8d8770fa35e70269b3a5a74664cae0db3d9ab978287c985fcc7",
      hunks: [
        "8629189045429caa4a3bcf23cac3f2867f40a57436f96663c967797918dcf850f1",
        "5535c3aef804bde2529981ac0fcb854590f38c1148f9d69bc862befc51f82822f1",
      ],
    },
  ],
  md5: [
    {
      root: "decc85c85f0803b2434188f4165985c9096cea94990c5c28f5a47e5a504beafc",
      hunks: ["ea0c3c1697fd1ca56fca93165eeedb90f1", "06807ea7e1fc6e905f0811058bb4c19ff1"],
    },
    {
      root: "5d3f3bd4b1ec09c81b317dbfca91cad81a2a62e9175abb153dc79688fd94ac0b",
      hunks: ["6c71cdeb3c3827a19f35a4cbf37e161cf1", "7aa9fcca0cfbf9a1432da220a3a3474ef1"],
    },
  ],
};

const NS = "1700000000123456789";

/** A source whose objects have the same numbers and times on every machine. */
class Frozen extends World {
  readonly #inodes = new Map<string, number>();

  constructor(algorithm: "sha256" | "md5") {
    const disk = hookedDisk(openDisk(), ({ operation, path, args }, proceed) => {
      if (operation === "userName") return args[0] === 1000 ? "me" : undefined;
      if (operation === "groupName") return args[0] === 100 ? "users" : undefined;
      const answer = proceed();
      if (!path.includes("/source")) return answer;
      if (operation === "xattrs") return path.endsWith("/attributes") ? { "user.color": Uint8Array.of(98, 108) } : {};
      return isStat(answer) ? this.#frozen(answer, path) : answer;
    });
    super({ inMemory: true, disk, algorithm });
  }

  #frozen(stat: Stat, path: string): Stat {
    const times = { mtime: NS, ctime: `${NS.slice(0, -1)}0`, birthtime: NS }, owner = { uid: 1000, gid: 100 };
    const blocks = path.endsWith("/sparse") ? 8 : Math.ceil(stat.size / 512);
    return { ...stat, ...times, ...owner, inode: this.#inodeOf(path), device: "0:99", flags: 0, blocks };
  }

  /** Of names: two of them are one file. */
  #inodeOf(path: string): string {
    const name = path.slice(path.indexOf("/source")).replace("/a/second", "/letter");
    const known = this.#inodes.get(name) ?? parseInt(hashBytes("crc32", new TextEncoder().encode(name)), 16);
    this.#inodes.set(name, known);
    return String(known);
  }

  /** Ids of its hunks, and a digest of its root without what depends on where and by which version it was made. */
  frozen(id: RootId): { readonly root: string; readonly hunks: readonly string[] } {
    using storage = this.open();
    const { hunks, tool } = storage.manifest(id).root;
    const text = Deno.readTextFileSync(this.items().get(id)!).replaceAll(this.base, "/base").replace(tool, "tool")
      .replace(/"previous": "\w+"/, `"previous": "id"`).replace(/ *"named": \w+,\n/, "").replace(
        / *"change": \{[^}]*\},\n/,
        "",
      );
    return { root: hashBytes("sha256", new TextEncoder().encode(text)), hunks: hunks.map(({ id }) => id) };
  }
}

function isStat(value: unknown): value is Stat {
  return typeof value === "object" && value !== null && "inode" in value && "mtime" in value;
}

function makeSource(world: World): void {
  world.write("letter", "Dear reader,\n");
  Deno.mkdirSync(`${world.source}/a`);
  Deno.linkSync(`${world.source}/letter`, `${world.source}/a/second`);
  world.write("empty", "");
  world.write("attributes", "with extended attributes");
  world.write("left out.tmp", "excluded");
  world.write('a-/name\n"\\', "odd");
  run("python3", "-c", `open(b'${world.source}/caf\\xe9', 'w').write('raw')`);
  run("truncate", "-s", "100K", `${world.source}/sparse`);
  Deno.symlinkSync("letter", `${world.source}/link`);
  run("mkfifo", `${world.source}/pipe`);
  for (let n = 0; n < 1200; n++) world.write(`many/${n % 7}/${n}`, `${n % 50}`);
  run("chmod", "-R", "u=rwX,go=rX", world.source);
}

for (const algorithm of ["sha256", "md5"] as const) {
  Deno.test(`hunks and roots of the same source are the same bytes as ever, ${algorithm}`, async () => {
    using world = new Frozen(algorithm);
    makeSource(world);
    const options = { excludes: ["*.tmp"], tags: ["one", "two"] };
    const first = await world.backup(options);
    for (const name of ["letter", "new", "many/3/new"]) world.write(name, "changed, or new");
    run("chmod", "-R", "u=rwX,go=rX", world.source);
    const job = { name: "nightly.json", kind: "backup", run: "r1" };
    const second = await world.backup({ ...options, job, tree: false });
    deepStrictEqual([world.frozen(first.snapshot.id), world.frozen(second.snapshot.id)], EXPECTED[algorithm]);
  });
}
