/** Keys of a vault: added, listed, changed, removed, exported and printed; and what a write-only one can't do. */
import { deepStrictEqual, match, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { MemoryObjects, openMemory } from "../../../src/backend/memory.ts";
import { CONFIG, objectKey } from "../../../src/backend/backend.ts";
import { PlaceRefuses } from "../../../src/backend/faults.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { backup } from "../../../src/operations/backup/backup.ts";
import { check, type Finding } from "../../../src/operations/check/check.ts";
import { copy } from "../../../src/operations/copy/copy.ts";
import {
  addKey,
  changePassphrase,
  exportKey,
  type KeyPlace,
  listKeys,
  paperOf,
  removeKey,
  UNSHARING,
} from "../../../src/operations/keys/keys.ts";
import { restore } from "../../../src/operations/restore/restore.ts";
import type { Machine } from "../../../src/platform/machine.ts";
import { initVault, type Secret, unlockVault } from "../../../src/vault/access.ts";
import { openVault, type Vault } from "../../../src/vault/vault.ts";
import { noise } from "../../support/units.ts";
import { TestMonitor, World } from "../../support/world.ts";

const FIRST = "four random words", OTHER = "five other random words", HOST = "a host that only writes";
const CHUNKER = { min: 1024, average: 4096, max: 16_384, wholeUpTo: 65_536 };
const signal = new AbortController().signal;
const code = (code: string) => ({ code });
const by = (passphrase: string): Secret => ({ kind: "passphrase", passphrase });

let made = 0;

/** A vault in memory, and a machine that remembers. */
class Keys implements Disposable {
  readonly world = new World({ inMemory: true });
  readonly machine: Machine = { ...this.world.machine, state: [rawOf(`${this.world.base}/state`)] };
  readonly objects = new MemoryObjects();

  static async make(encrypted = true): Promise<Keys> {
    const keys = new Keys();
    keys.machine.random(++made); // or all of them were the same
    const request = encrypted ? { passphrase: FIRST, keyName: "me", workFactor: 1 } : {};
    await initVault(keys.backend(), keys.machine, { ...request, chunker: CHUNKER });
    return keys;
  }

  backend() {
    return openMemory(this.objects, () => this.machine.clock.nowMs());
  }

  async place(secret: Secret = by(FIRST), machine = this.machine): Promise<KeyPlace> {
    const backend = this.backend();
    return { backend, machine, access: await unlockVault(backend, secret, machine), workFactor: 1 };
  }

  async vault(secret: Secret): Promise<Vault> {
    const { backend, access } = await this.place(secret);
    return await openVault(backend, access, { machine: this.machine, monitor: new TestMonitor(), host: "nas" });
  }

  ids(): string[] {
    return [...this.objects.map.keys()].filter((key) => key.startsWith("keys/")).map((key) => key.slice(5)).sort();
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }
}

Deno.test("several passphrases open one vault, and the list says which key is which", async () => {
  using keys = await Keys.make();
  const place = await keys.place();
  const second = await addKey(place, { passphrase: OTHER, name: "partner", writeOnly: false });
  const third = await addKey(place, { passphrase: HOST, name: "laptop", writeOnly: true });
  const listed = await listKeys(place), first = place.access.keyId!;
  deepStrictEqual(listed.map(({ id }) => id), keys.ids());
  deepStrictEqual(
    new Map(listed.map(({ id, facts, isInUse }) => [id, [facts?.kind, facts?.name, facts?.created, isInUse]])),
    new Map([
      [first, ["full", "me", "2026-11-20", true]],
      [second, ["full", "partner", "2026-11-20", false]],
      [third, ["write-only", "laptop", "2026-11-20", false]],
    ].sort(([a], [b]) => (a as string) < (b as string) ? -1 : 1) as [string, unknown[]][]),
  );
  const others = await keys.place(by(OTHER));
  strictEqual(others.access.keyId, second);
  deepStrictEqual(others.access.key, place.access.key);
  const { dataIdentity, ...rest } = place.access.key!;
  ok(dataIdentity);
  deepStrictEqual((await keys.place(by(HOST))).access.key, rest);
});

Deno.test("what another machine has made is listed without a name, until it has opened the vault here", async () => {
  using keys = await Keys.make();
  const elsewhere = { ...keys.machine, state: [rawOf(`${keys.world.base}/elsewhere`)] };
  const id = await addKey(await keys.place(by(FIRST), elsewhere), { passphrase: OTHER, name: "x", writeOnly: false });
  const listed = async () => (await listKeys(await keys.place())).find((key) => key.id === id);
  strictEqual((await listed())?.facts, undefined);
  await keys.place(by(OTHER));
  strictEqual((await listed())?.facts?.name, "x");
});

Deno.test("the key that opened last is tried first", async () => {
  using keys = await Keys.make();
  const place = await keys.place();
  for (let i = 0; i < 4; i++) await addKey(place, { passphrase: `${OTHER} ${i}`, name: `${i}`, writeOnly: false });
  for (let i = 0; i < 4; i++) {
    await keys.place(by(`${OTHER} ${i}`));
    const backend = keys.backend(), asked: string[] = [], get = backend.get.bind(backend);
    backend.get = (key, options) => (asked.push(key), get(key, options));
    await unlockVault(backend, by(`${OTHER} ${i}`), keys.machine);
    strictEqual(asked.filter((key) => key.startsWith("keys/")).length, 1);
  }
});

Deno.test("no two keys have one passphrase, and none has an empty one", async () => {
  using keys = await Keys.make();
  const place = await keys.place();
  const add = (passphrase: string) => addKey(place, { passphrase, name: "x", writeOnly: true });
  await rejects(add(FIRST), code("passphrase-taken"));
  await rejects(changePassphrase(place, FIRST), code("passphrase-taken"));
  await rejects(add(""), code("bad-usage"));
  strictEqual(keys.ids().length, 1);
});

Deno.test("a passphrase is changed: the new one opens, the old one doesn't, the key is the same", async () => {
  using keys = await Keys.make();
  const place = await keys.place(), changed = await changePassphrase(place, OTHER);
  deepStrictEqual([changed.former, changed.stays, keys.ids()], [place.access.keyId, undefined, [changed.id]]);
  await rejects(keys.place(by(FIRST)), code("wrong-passphrase"));
  const now = await keys.place(by(OTHER));
  deepStrictEqual(now.access.key, place.access.key);
  strictEqual((await listKeys(now))[0]?.facts?.name, "me");
  await rejects(
    changePassphrase({ ...now, access: { config: now.access.config, key: now.access.key } }, "another"),
    code("bad-usage"),
  );
});

Deno.test("where nothing may be removed a changed passphrase is one more, and that is said", async () => {
  using keys = await Keys.make();
  const place = await keys.place(), refusal = new PlaceRefuses("remove", "it is append-only");
  place.backend.remove = () => Promise.reject(refusal);
  const { stays } = await changePassphrase(place, OTHER);
  strictEqual(stays, refusal);
  strictEqual(keys.ids().length, 2);
  await keys.place(by(FIRST));
  await keys.place(by(OTHER));
});

Deno.test("the last key that is known to read contents is removed only if that is meant", async () => {
  using keys = await Keys.make();
  const place = await keys.place(), first = place.access.keyId!;
  const host = await addKey(place, { passphrase: HOST, name: "laptop", writeOnly: true });
  await rejects(removeKey(place, first), code("last-full-key"));
  // A stranger's key may be anything.
  const elsewhere = { ...keys.machine, state: [rawOf(`${keys.world.base}/elsewhere`)] };
  const stranger = await addKey(await keys.place(by(FIRST), elsewhere), {
    passphrase: OTHER,
    name: "x",
    writeOnly: false,
  });
  await rejects(removeKey(place, first.slice(0, 12)), code("last-full-key"));
  strictEqual(keys.ids().length, 3);
  // Opened with that, it is known.
  const others = await keys.place(by(OTHER));
  deepStrictEqual((await removeKey(others, first.slice(0, 12))).left, 2);
  deepStrictEqual((await removeKey(others, host)).facts, { kind: "write-only", name: "laptop", created: "2026-11-20" });
  await rejects(removeKey(others, stranger), code("last-full-key"));
  strictEqual((await removeKey(others, stranger, { evenLast: true })).left, 0);
  deepStrictEqual(keys.ids(), []);
  ok(UNSHARING.includes("can still open this vault"));
});

Deno.test("a key is named by how its id begins, if one alone begins so", async () => {
  using keys = await Keys.make();
  const place = await keys.place();
  for (let i = 0; i < 17; i++) await addKey(place, { passphrase: `${i}`, name: `${i}`, writeOnly: true });
  const [twice] = keys.ids().map((id) => id[0]!).filter((digit, i, all) => all.indexOf(digit) !== i);
  for (const id of ["", twice!, "nothing", "0".repeat(64)]) await rejects(removeKey(place, id), code("no-such-key"));
});

Deno.test("an exported key is a private file that opens the vault; nothing is overwritten", async () => {
  using keys = await Keys.make();
  const place = await keys.place(), path = `${keys.world.base}/me.key`;
  await exportKey(place, rawOf(path));
  const text = Deno.readTextFileSync(path);
  strictEqual(Deno.statSync(path).mode! & 0o7777, 0o600);
  match(text, /^# backup-tool vault [0-9a-f-]{36}, key "me", 2026-11-20\. Whoever/);
  deepStrictEqual((await keys.place({ kind: "key-file", text })).access.key, place.access.key);
  await rejects(exportKey(place, rawOf(path)), { code: "disk", errno: "EEXIST" });
  strictEqual(Deno.readTextFileSync(path), text);
  const writeOnly = `${keys.world.base}/host.key`;
  await exportKey(place, rawOf(writeOnly), { writeOnly: true, name: "host" });
  const hosts = Deno.readTextFileSync(writeOnly);
  ok(!hosts.includes(place.access.key!.dataIdentity!) && hosts.includes('write-only key "host"'));
  strictEqual((await keys.place({ kind: "key-file", text: hosts })).access.key!.dataIdentity, undefined);
});

Deno.test("paper has the vault, both lines and a code, and opens the vault as it is", async () => {
  using keys = await Keys.make();
  const place = await keys.place(), { access: { key, config } } = place, paper = await paperOf(place);
  for (const part of [config.id, key!.dataIdentity!, key!.metaIdentity]) ok(paper.includes(part));
  ok(/[▀▄█]{10}/.test(paper));
  deepStrictEqual((await keys.place({ kind: "key-file", text: paper })).access.key, key);
});

Deno.test("the key of another vault is refused: by what it says, and by what it doesn't open", async () => {
  using keys = await Keys.make();
  using others = await Keys.make();
  const foreign = await paperOf(await others.place()), bare = foreign.replace(/^#.*\n/gm, "");
  await rejects(keys.place({ kind: "key-file", text: foreign }), code("foreign-key"));
  keys.world.write("file", "x");
  await keys.world.backup();
  {
    using storage = keys.world.open();
    await using vault = await keys.vault(by(FIRST));
    await copy(storage, vault, { workers: 0, signal, clock: keys.machine.clock }, new TestMonitor());
  }
  notStrictEqual(bare, foreign);
  await rejects(keys.place({ kind: "key-file", text: bare }), { code: "foreign-key", message: /doesn't open/ });
  const own = (await paperOf(await keys.place())).replace(/^#.*\n/gm, "");
  await keys.place({ kind: "key-file", text: own });
  // An object of somebody else in between proves nothing.
  keys.objects.map.set(
    objectKey("index", "0".repeat(64)),
    others.objects.map.get(objectKey("keys", others.ids()[0]!))!,
  );
  await keys.place({ kind: "key-file", text: own });
});

Deno.test("a config over the objects of another vault is told from a foreign key", async () => {
  using keys = await Keys.make();
  using others = await Keys.make();
  const other = await others.place(), text = await paperOf(other), { id } = other.access.config;
  keys.world.write("file", "x");
  await keys.world.backup();
  {
    using storage = keys.world.open();
    await using vault = await keys.vault(by(FIRST));
    await copy(storage, vault, { workers: 0, signal, clock: keys.machine.clock }, new TestMonitor());
  }
  keys.objects.map.set(CONFIG, others.objects.map.get(CONFIG)!);
  const message = new RegExp(`this key belongs to ${id}, as .config. does, but the objects belong to another vault`);
  await rejects(keys.place({ kind: "key-file", text }), { code: "foreign-key", message });
});

Deno.test("a damaged key doesn't keep another from opening the vault", async () => {
  using keys = await Keys.make();
  const place = await keys.place(), id = await addKey(place, { passphrase: OTHER, name: "x", writeOnly: false });
  const whole = keys.objects.map.get(objectKey("keys", id))!;
  for (const bytes of [new Uint8Array(0), new Uint8Array(70_000), whole.slice(0, 100), whole.slice().fill(0, 0, 99)]) {
    keys.objects.map.set(objectKey("keys", id), bytes);
    await keys.place(by(FIRST));
    await rejects(keys.place(by(OTHER)), code("wrong-passphrase"));
    await addKey(place, { passphrase: `${bytes.length}`, name: "x", writeOnly: true });
  }
});

Deno.test("a vault that is not encrypted has no keys", async () => {
  using keys = await Keys.make(false);
  const place = await keys.place({ kind: "unencrypted" }), refused = code("without-keys");
  await rejects(listKeys(place), { ...refused, message: /has no keys/ });
  await rejects(addKey(place, { passphrase: FIRST, name: "x", writeOnly: false }), refused);
  await rejects(removeKey(place, "0"), refused);
  await rejects(changePassphrase(place, FIRST), refused);
  await rejects(exportKey(place, rawOf(`${keys.world.base}/key`)), refused);
  await rejects(paperOf(place), refused);
});

Deno.test("a write-only key adds, lists, compares, forgets, prunes and checks; it reads no content, and makes no full key", async () => {
  using keys = await Keys.make();
  const { world } = keys, full = await keys.place();
  await addKey(full, { passphrase: HOST, name: "laptop", writeOnly: true });
  world.write("dir/file", "precious");
  world.write("large", noise(100_000, 1));
  await world.backup();
  const request = { workers: 0, signal, clock: keys.machine.clock };
  using storage = world.open();
  {
    await using vault = await keys.vault(by(HOST));
    strictEqual((await copy(storage, vault, request, new TestMonitor())).copied.length, 1);
  }
  world.write("dir/more", "more");
  await world.backup();
  {
    await using vault = await keys.vault(by(HOST));
    const monitor = new TestMonitor();
    strictEqual((await copy(storage, vault, request, monitor)).copied.length, 1);
    deepStrictEqual([monitor.of("storedItems"), monitor.of("reusedItems")], [1, 2]);
    const findings: Finding[] = [];
    await check(vault, { readData: false, workers: 0, signal }, (finding) => findings.push(finding), new TestMonitor());
    deepStrictEqual(findings, []);
    const snapshots = await vault.snapshots(), target = `${world.base}/target`;
    deepStrictEqual(snapshots.map(({ files }) => files), [2, 3]);
    Deno.mkdirSync(target);
    await rejects(
      restore(vault, world.restoreRequest(snapshots[1]!, target), new TestMonitor()),
      { code: "write-only-key", message: /can store.*not read/ },
    );
    await using writer = vault.write();
    deepStrictEqual(await writer.forget([snapshots[0]!.id]), [snapshots[0]!.id]);
  }
  // Straight from the source, then a prune: what only the forgotten snapshot needed goes in time.
  world.write("dir/direct", "direct");
  world.clock.pass(1);
  {
    await using vault = await keys.vault(by(HOST));
    const monitor = new TestMonitor();
    await backup(vault, { ...world.request(), tree: false }, monitor);
    deepStrictEqual(monitor.problems, []);
    deepStrictEqual([monitor.of("storedItems"), monitor.of("reusedItems") + monitor.of("unchangedFiles")], [1, 3]);
  }
  for (let i = 0; i < 3; i++) {
    world.clock.pass(60 * 24 * 30);
    await using vault = await keys.vault(by(HOST));
    await using writer = vault.write();
    const plan = await writer.planRemoval({ workers: 0, signal }, new TestMonitor());
    await plan.execute(new TestMonitor(), signal);
  }
  {
    await using vault = await keys.vault(by(HOST));
    strictEqual((await vault.snapshots()).length, 2);
    const findings: Finding[] = [], request = { readData: true, workers: 0, signal };
    await check(vault, request, (finding) => findings.push(finding), new TestMonitor());
    deepStrictEqual(findings.filter(({ severity }) => severity === "damage"), []);
  }
  const host = await keys.place(by(HOST));
  await rejects(addKey(host, { passphrase: OTHER, name: "x", writeOnly: false }), code("write-only-key"));
  await addKey(host, { passphrase: OTHER, name: "x", writeOnly: true });
  ok(!(await paperOf(host)).includes(full.access.key!.dataIdentity!));
  // Whoever has a full key reads what it has stored.
  await using vault = await keys.vault(by(FIRST));
  const snapshot = (await vault.snapshots()).at(-1), target = `${world.base}/other`;
  Deno.mkdirSync(target);
  await restore(vault, world.restoreRequest(snapshot!, target), new TestMonitor());
  strictEqual(Deno.readTextFileSync(`${target}/dir/more`), "more");
  strictEqual(Deno.readTextFileSync(`${target}/dir/direct`), "direct");
});
