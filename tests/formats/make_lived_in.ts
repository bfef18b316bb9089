/**
 * Made fixtures/format-1/lived-in.tar.gz: a storage with everything that one may hold, by an executable of that time. Run as
 * root, on a file system with ACLs and holes:
 *
 *   deno run -A tests/formats/make_lived_in.ts path/to/backup-tool out.tar.gz
 *
 * A fixture is frozen, see make_fixture.ts. This one has real times, and so other ids each time it is made.
 */
import { run } from "../support/world.ts";

/** In roots as the path of the sources: always the same. */
const BASE = "/tmp/backup-tool-fixture";
const STORAGE = `${BASE}/storage`, SPARE = `${BASE}/spare`, JOBS = `${BASE}/jobs`;
/** Enough for some hunks, so that an interrupted backup leaves a partial snapshot. */
const MANY_FILES = 4000;

const [executable, archive] = Deno.args;
if (executable === undefined || archive === undefined) throw new Error("Name the executable and the archive");

/** @returns what it printed; 3 means that some files had problems */
function tool(...args: string[]): string {
  const { code, stdout, stderr } = command(args).outputSync();
  if (code !== 0 && code !== 3) throw new Error(`${args.join(" ")} failed:\n${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

function command(args: readonly string[]): Deno.Command {
  const env = { HOME: BASE, PATH: Deno.env.get("PATH") ?? "", TZ: "Europe/Berlin", BACKUP_TOOL_STORAGE: STORAGE };
  return new Deno.Command(executable!, { args: [...args], clearEnv: true, env, stdout: "piped", stderr: "piped" });
}

function put(path: string, content: string | Uint8Array, mode = 0o644): void {
  const full = `${BASE}/${path}`;
  Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
  Deno.writeFileSync(full, typeof content === "string" ? new TextEncoder().encode(content) : content);
  Deno.chmodSync(full, mode);
  run("touch", "-d", "2024-02-29T12:34:56.123456789Z", full);
}

/** The only item of the newest snapshot at that path. */
function itemOf(path: string): string {
  const sum = run("sha256sum", `${BASE}/${path}`).slice(0, 64);
  return `${STORAGE}/content/${sum.slice(0, 2)}/${sum.slice(2)}`;
}

function spoil(item: string): void {
  Deno.chmodSync(item, 0o600);
  Deno.writeTextFileSync(item, "spoilt");
  Deno.chmodSync(item, 0o400);
}

/** What `data` was when a snapshot was made. */
function copyData(name: string): void {
  run("cp", "-a", `${BASE}/data`, `${BASE}/${name}`);
}

function makeData(): void {
  put("data/letter", "Dear reader,\n");
  put("data/again", "Dear reader,\n", 0o640);
  put("data/empty", "");
  put("data/left out.tmp", "excluded by a pattern");
  put("data/ignored/.backupignore", "*.log\n");
  put("data/ignored/a.log", "excluded by a file");
  put("data/a/b/deep", "deep\n");
  put("data/a-/name\n", "odd\n");
  put("data/negative.raw", "exposed");
  run("python3", "-c", `open(b'${BASE}/data/caf\\xe9', 'w').write('raw')`);
  Deno.symlinkSync("letter", `${BASE}/data/link`);
  Deno.symlinkSync("nowhere", `${BASE}/data/dangling`);
  Deno.linkSync(`${BASE}/data/letter`, `${BASE}/data/a/second`);
  run("truncate", "-s", "300K", `${BASE}/data/sparse`);
  run("dd", "if=/dev/urandom", `of=${BASE}/data/sparse`, "bs=4K", "count=1", "seek=32", "conv=notrunc", "status=none");
  put("data/attributes", "with extended attributes\n");
  run("setfattr", "-n", "user.color", "-v", "blue", `${BASE}/data/attributes`);
  put("data/acl", "with an ACL\n");
  run("setfacl", "-m", "u:12345:r,g:12345:rw", `${BASE}/data/acl`);
  run("chown", "1234:2345", `${BASE}/data/empty`);
  Deno.chmodSync(`${BASE}/data/a`, 0o2750);
}

/** Two snapshots of one series with a tree each, of which the second has a file that was never to change. */
function backUpData(): void {
  const options = ["--name", "data", "--host", "nas", "--exclude", "*.tmp", "--exclude-caches"];
  makeData();
  tool("backup", `${BASE}/data`, ...options, "--tag", "first", "--tag", "both");
  copyData("data-1");
  put("data/letter", "Dear reader, I have changed.\n");
  put("data/new", "new\n");
  Deno.removeSync(`${BASE}/data/empty`);
  put("data/negative.raw", "spoiled");
  tool("backup", `${BASE}/data`, ...options, "--tag", "both", "--static", "*.raw");
  put("data/negative.raw", "exposed");
  copyData("data-2");
}

/** Series whose sources are called alike, specials, a stream, no tree, another host. */
function backUpOthers(): void {
  for (const owner of ["alice", "bob"]) {
    put(`${owner}/photos/of`, owner);
    tool("backup", `${BASE}/${owner}/photos`, "--host", "nas", "--no-tree");
  }
  put("special/file", "beside them");
  run("mkfifo", `${BASE}/special/pipe`);
  run("python3", "-c", `import socket; socket.socket(socket.AF_UNIX).bind("${BASE}/special/socket")`);
  run("mknod", `${BASE}/special/null`, "c", "1", "3");
  run("mknod", `${BASE}/special/disk`, "b", "7", "200");
  tool("backup", `${BASE}/special`, "--name", "special", "--host", "nas", "--no-tree");
  tool("backup", "--command", "printf 'a dump\\n'", "--stdin-name", "shop.sql", "--name", "shop", "--host", "nas");
  put("elsewhere/one", "of another host");
  tool("backup", `${BASE}/elsewhere`, "--name", "data", "--host", "laptop", "--no-tree");
}

/** A tag that was changed, and a snapshot that was forgotten and its contents removed. */
function change(): void {
  put("gone/file", "forgotten and removed");
  tool("backup", `${BASE}/gone`, "--name", "gone", "--host", "nas");
  tool("tag", "laptop:data:latest", "--add", "renamed");
  tool("forget", "gone:latest");
  tool("prune");
  tool("policy", "set", "--keep-daily", "7", "--keep-tag", "first");
}

/** A content that was healed by a copy, and one that is lost. */
function damage(): void {
  put("hurt/healed", "healed from a copy");
  put("hurt/lost", "lost for good");
  tool("backup", `${BASE}/hurt`, "--name", "hurt", "--host", "nas", "--no-tree");
  run("cp", "-a", STORAGE, SPARE);
  for (const path of ["hurt/healed", "hurt/lost"]) spoil(itemOf(path));
  Deno.removeSync(`${SPARE}${itemOf("hurt/lost").slice(STORAGE.length)}`);
  run("rm", "-r", `${BASE}/hurt`);
  tool("repair", "--read-data", "--from", SPARE);
}

/** A manifest that was made again from the catalog. */
function recover(): void {
  put("recovered/file", "in a manifest that was lost");
  const made = JSON.parse(
    tool("backup", `${BASE}/recovered`, "--name", "recovered", "--host", "nas", "--no-tree", "--json"),
  );
  const { id } = made.snapshot ?? made;
  const root = JSON.parse(Deno.readTextFileSync(`${STORAGE}/content/${id.slice(0, 2)}/${id.slice(2)}`));
  for (const hunk of root.hunks) Deno.removeSync(`${STORAGE}/content/${hunk.id.slice(0, 2)}/${hunk.id.slice(2)}`);
  tool("repair", "--read-data");
}

/** A content that is known to be damaged: the next backup stores it again. */
function leaveDamage(): void {
  put("waiting/damaged", "damaged, and noted");
  tool("backup", `${BASE}/waiting`, "--name", "waiting", "--host", "nas", "--no-tree");
  spoil(itemOf("waiting/damaged"));
  tool("check", "--read-data");
}

/** An archive, and the history of a job. */
function importOne(): void {
  put("incoming/scan.txt", "scanned");
  put(
    "jobs/scans.json",
    JSON.stringify({ kind: "import", source: `${BASE}/incoming`, destination: "scans/first", host: "nas" }),
  );
  tool("serve", "--jobs", JOBS, "--once");
}

/** Stops a backup when it has told of some files. */
async function interrupt(): Promise<void> {
  for (let n = 0; n < MANY_FILES; n++) {
    const path = `${BASE}/many/${n % 10}/${n}`;
    Deno.mkdirSync(`${BASE}/many/${n % 10}`, { recursive: true });
    Deno.writeTextFileSync(path, `${n % 3}`);
    Deno.utimeSync(path, 1_000_000_000, 1_000_000_000);
  }
  const args = ["backup", `${BASE}/many`, "--name", "many", "--host", "nas", "--no-tree", "--workers", "0", "-v"];
  for (let attempt = 1; attempt <= 50; attempt++) {
    const child = command(args).spawn();
    let taken = 0;
    for await (const { length } of child.stderr) {
      if (taken < 2000 * attempt && (taken += length) >= 2000 * attempt) child.kill("SIGINT");
    }
    await child.stdout.cancel();
    await child.status;
    const snapshots: { name: string; complete: boolean; id: string }[] = JSON.parse(tool("snapshots", "--json"));
    const made = snapshots.filter(({ name }) => name === "many");
    if (made.some(({ complete }) => !complete)) return;
    for (const { id } of made) tool("forget", id);
  }
  throw new Error("No backup could be interrupted in time");
}

/** With the catalog, where it is known what was read and found damaged. */
function pack(): void {
  run("find", `${STORAGE}/content`, "-type", "d", "-empty", "-delete");
  run("rm", "-rf", SPARE, JOBS, `${BASE}/many`, `${BASE}/elsewhere`, `${BASE}/special/socket`);
  const options = ["--sort=name", "--numeric-owner", "--sparse", "--xattrs", "--acls", "--format=posix"];
  const plain = "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime";
  const sources = ["alice", "bob", "data", "data-1", "data-2", "waiting"];
  run("tar", "-C", BASE, ...options, plain, "-czf", archive!, "storage", ...sources);
}

Deno.mkdirSync(BASE);
tool("init");
backUpData();
backUpOthers();
change();
damage();
recover();
importOne();
await interrupt();
leaveDamage();
pack();
console.log(tool("snapshots"));
Deno.removeSync(BASE, { recursive: true });
