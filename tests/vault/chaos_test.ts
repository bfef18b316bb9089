/** A vault's life through a network that breaks off: commands are repeated as people would, and nothing is lost or wrong. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { PlaceUnavailable } from "../../src/backend/faults.ts";
import type { Clock } from "../../src/core/clock.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import { check, type Finding } from "../../src/operations/check/check.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { prune } from "../../src/operations/forget/prune.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import { initVault, unlockVault } from "../../src/vault/access.ts";
import { VaultExists } from "../../src/vault/format/faults.ts";
import { openVault, type Vault } from "../../src/vault/vault.ts";
import { ChaosProxy, HTTP_MISHAPS, mishaps, TCP_MISHAPS } from "../support/chaos_proxy.ts";
import { IS_SLOW, rounds } from "../support/effort.ts";
import { hastened, impatient, openPlace } from "../support/remote_place.ts";
import { HAS_REAL_S3, realS3 } from "../support/real_s3.ts";
import { restServer } from "../support/rest_server.ts";
import { apache, HAS_APACHE, HAS_SSHD, openssh, PASSWORD, type SshServer, USER } from "../support/servers.ts";
import { noise } from "../support/units.ts";
import { differences, TestMonitor, World } from "../support/world.ts";

const ROUNDS = rounds(2, 40), MOST_REPETITIONS = 20;
const signal = new AbortController().signal;
const UNIT_BYTES = 100_000;

/** A vault that is reached through the proxy, and opened for each command anew. */
class FarVault {
  readonly #world: World;
  readonly #location: string;
  readonly #variables: Readonly<Record<string, string>>;
  readonly #clock: () => Clock;
  /** Commands that had to be repeated. */
  repeated = 0;

  constructor(
    world: World,
    location: string,
    variables: Readonly<Record<string, string>> = {},
    clock = () => hastened(300),
  ) {
    this.#world = world;
    this.#location = location;
    this.#variables = variables;
    this.#clock = clock;
  }

  async make(): Promise<void> {
    await this.#repeat(async () => {
      await using backend = await openPlace(this.#location, this.#variables, { clock: this.#clock() });
      await initVault(backend, this.#world.machine, {}).catch((error) => {
        // Made by the try before, whose answer was lost.
        if (!(error instanceof VaultExists)) throw error;
      });
    });
  }

  /** As often as it takes: the same command goes on from there. */
  async run<T>(command: (vault: Vault) => Promise<T>): Promise<T> {
    return await this.#repeat(async () => {
      await using held = new AsyncDisposableStack();
      const backend = held.use(
        await openPlace(this.#location, this.#variables, { clock: this.#clock(), create: false }),
      );
      const access = await unlockVault(backend, { kind: "unencrypted" });
      const { machine } = this.#world, monitor = new TestMonitor();
      const vault = await openVault(backend, access, { machine, monitor, host: "testhost", unitBytes: UNIT_BYTES });
      held.move();
      await using _vault = vault;
      return await command(vault);
    });
  }

  async #repeat<T>(action: () => Promise<T>): Promise<T> {
    for (let times = 1;; times++) {
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof PlaceUnavailable) || times === MOST_REPETITIONS) throw error;
        this.repeated++;
      }
    }
  }
}

async function life(world: World, far: FarVault): Promise<void> {
  await far.make();
  for (let day = 0; day < 3; day++) {
    for (let i = 0; i < 6; i++) world.write(`file${i}`, noise(20_000 + i * 9_000, day * 3 + i));
    world.clock.pass(24 * 60);
    await far.run((vault) => backup(vault, { ...world.request(), tree: false }, new TestMonitor()));
  }
  await world.backup();
  using storage = world.open();
  await far.run((vault) => copy(storage, vault, { workers: 0, signal, clock: world.clock }, new TestMonitor()));
  await far.run(async (vault) => {
    const old = (await vault.snapshots()).slice(0, -1).map(({ id }) => id);
    await using writer = await vault.write();
    await writer.forget(old.filter((_, i) => i < old.length - 1));
  });
  const pace = { graceMs: 0, keepUnusedMs: 0, unsafe: true };
  for (let i = 0; i < 3; i++) {
    await far.run((vault) => prune(vault, { dryRun: false, workers: 0, signal, pace }, () => {}, new TestMonitor()));
  }
  const findings: Finding[] = [];
  await far.run(async (vault) => {
    findings.length = 0;
    await check(vault, { readData: true, workers: 0, signal }, (each) => findings.push(each), new TestMonitor());
  });
  deepStrictEqual(findings.filter(({ severity }) => severity === "damage"), []);
  const monitor = new TestMonitor();
  const target = await far.run(async (vault) => {
    const into = Deno.makeTempDirSync({ dir: world.base });
    await restore(vault, world.restoreRequest((await vault.snapshots()).at(-1)!, into), monitor);
    return into;
  });
  deepStrictEqual(monitor.problems, []);
  strictEqual(differences(world.source, target), "");
}

Deno.test("Through chaos a vault is made, backed up to, copied to, pruned, checked and restored from", async () => {
  let connections = 0;
  for (let seed = 1; seed <= ROUNDS; seed++) {
    await using server = restServer();
    await using proxy = new ChaosProxy(server.port, mishaps(seed, HTTP_MISHAPS, 2));
    using world = new World({ inMemory: true });
    await life(world, new FarVault(world, `rest:http://127.0.0.1:${proxy.port}/`));
    connections += proxy.connections;
  }
  ok(connections > 10 * ROUNDS, `${connections}: there has to be chaos`);
});

const s3 = HAS_REAL_S3 ? await realS3() : { port: 0, path: "", variables: {} };

Deno.test({
  name: "Through chaos a vault lives on a real S3 server",
  ignore: !HAS_REAL_S3,
  async fn() {
    for (let seed = 1; seed <= rounds(2, 10); seed++) {
      // It refuses what is signed at another time than its own, so minutes don't pass in moments, and nobody is silent.
      await using proxy = new ChaosProxy(s3.port, mishaps(seed, HTTP_MISHAPS.filter((kind) => kind !== "stall"), 2));
      using world = new World({ inMemory: true });
      const location = `s3:http://127.0.0.1:${proxy.port}/${s3.path}/vault${seed}`;
      await life(world, new FarVault(world, location, s3.variables, () => impatient));
      ok(proxy.connections > 10, `${proxy.connections}: there has to be chaos`);
    }
  },
});

/** Other kinds of servers, without the mishaps that only HTTP has, or that a test of minutes has no time for. */
const FAR_KINDS = TCP_MISHAPS.filter((kind) => kind !== "refuse");
const NO_SERVER: SshServer = { port: 0, directory: "", home: "", [Symbol.dispose]: () => {} };
const httpd = HAS_APACHE && IS_SLOW ? await apache() : NO_SERVER;

Deno.test({
  name: "Through chaos a vault lives on WebDAV (SLOW)",
  ignore: !HAS_APACHE || !IS_SLOW,
  async fn() {
    const login = { BACKUP_TOOL_DAV_USER: USER, BACKUP_TOOL_DAV_PASSWORD: PASSWORD };
    for (let seed = 1; seed <= rounds(1, 5); seed++) {
      await using proxy = new ChaosProxy(httpd.port, mishaps(seed, FAR_KINDS, 3));
      using world = new World({ inMemory: true });
      await life(world, new FarVault(world, `dav:http://127.0.0.1:${proxy.port}/vault${seed}`, login));
      ok(proxy.connections > 10, `${proxy.connections}: there has to be chaos`);
    }
  },
});

const sshd = HAS_SSHD && IS_SLOW ? await openssh() : NO_SERVER;

Deno.test({
  name: "Through chaos a vault lives on SFTP (SLOW)",
  ignore: !HAS_SSHD || !IS_SLOW,
  // Of ciphers the garbage collector lets go.
  sanitizeResources: false,
  async fn() {
    const known = `${sshd.home}/.ssh/known_hosts`;
    // A proxy has another port each time.
    Deno.writeTextFileSync(known, `* ${Deno.readTextFileSync(known).split(" ").slice(1).join(" ")}`);
    for (let seed = 1; seed <= rounds(1, 5); seed++) {
      await using proxy = new ChaosProxy(sshd.port, mishaps(seed, FAR_KINDS, 1));
      using world = new World({ inMemory: true });
      const location = `sftp://127.0.0.1:${proxy.port}${sshd.directory}/vault${seed}`;
      await life(world, new FarVault(world, location, { HOME: sshd.home }));
      ok(proxy.connections > 1, `${proxy.connections}: there has to be chaos`);
    }
  },
});
