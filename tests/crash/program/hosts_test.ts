/**
 * Three hosts with one vault on a server: each backs up, forgets and goes on, one prunes, and links are cut and slowed in
 * the middle of it. Whatever was said to be saved can be restored.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { PROGRAM } from "../../cli/program.ts";
import { hasNetworks, type Host, network } from "../../support/network.ts";
import { restServer } from "../../support/rest_server.ts";
import { noise } from "../../support/units.ts";
import { differences } from "../../support/world.ts";

const ROUNDS = Deno.env.get("SLOW") ? 12 : 3, FILES = 12, CUT_MS = 700;

/** The program on one of the hosts, with a state and a source of its own. */
class Machine {
  readonly name: string;
  readonly source: string;
  readonly host: Host;
  readonly #directory: string;
  readonly #vault: string;

  constructor(name: string, host: Host, base: string, vault: string) {
    this.name = name;
    this.host = host;
    this.#directory = `${base}/${name}`;
    this.#vault = vault;
    this.source = `${this.#directory}/source`;
    Deno.mkdirSync(this.source, { recursive: true });
  }

  /** Changes some of the files, and leaves others as they were. */
  change(round: number): void {
    for (let i = 0; i < FILES; i++) {
      if (round > 0 && i % 3 !== round % 3) continue;
      // Some are those of the other hosts, too.
      const seed = i % 2 === 0 ? i + round * 100 : i + round * 100 + this.name.charCodeAt(0) * 1000;
      Deno.writeFileSync(`${this.source}/file${i}`, noise(150_000 + i * 1000, seed));
    }
  }

  async run(...args: string[]): Promise<string> {
    const [file = "", ...before] = [...this.host.enter, ...PROGRAM];
    const options = ["-s", this.#vault, "--unencrypted", "--quiet"];
    const { success, stdout, stderr } = await new Deno.Command(file, {
      args: [...before, ...args, ...options],
      env: { NO_COLOR: "1", BACKUP_TOOL_STATE: `${this.#directory}/state` },
    }).output();
    const said = new TextDecoder().decode(stderr);
    ok(success, `${this.name}: ${args.join(" ")}\n${said}`);
    return new TextDecoder().decode(stdout);
  }

  async backUp(): Promise<string> {
    const args = ["backup", this.source, "--host", this.name, "--name", "data", "--unit-size", "4M", "--json"];
    return JSON.parse(await this.run(...args)).snapshot.id;
  }
}

/** Cuts links for a while: long enough for whatever is on its way to be lost. */
class Cables implements Disposable {
  readonly #down = new Map<Host, ReturnType<typeof setTimeout>>();

  cut(host: Host): void {
    if (this.#down.has(host)) return;
    host.cut();
    this.#down.set(host, setTimeout(() => this.#join(host), CUT_MS));
  }

  #join(host: Host): void {
    clearTimeout(this.#down.get(host));
    this.#down.delete(host);
    host.join();
  }

  [Symbol.dispose](): void {
    for (const host of this.#down.keys()) this.#join(host);
  }
}

Deno.test({
  name: "three hosts share a vault over links that break, and nothing that was saved is lost",
  ignore: !hasNetworks(),
  async fn() {
    using net = network(3);
    const base = Deno.makeTempDirSync({ prefix: "backup-tool-test-hosts-" });
    let stores = 0, cuts = 0;
    const machines: Machine[] = [];
    using cables = new Cables();
    const disturb = ({ method }: Request) => {
      if (method === "POST" && ++stores % 5 === 0) cables.cut(machines[cuts++ % machines.length]!.host);
      return undefined;
    };
    await using server = restServer(undefined, disturb, net.address);
    const vault = `rest:http://${net.address}:${server.port}/vault/`;
    net.hosts.forEach((host, i) => machines.push(new Machine("abc"[i]!, host, base, vault)));
    try {
      machines[2]!.host.slow("40mbit");
      await machines[0]!.run("init", "--vault");
      const saved = await Promise.all(machines.map((machine) => lives(machine)));
      const [first] = machines;
      const listed = JSON.parse(await first!.run("snapshots", "--json")) as readonly { readonly id: string }[];
      const there = new Set(listed.map(({ id }) => id));
      deepStrictEqual(saved.filter((id) => !there.has(id)), []);
      strictEqual(await first!.run("check", "--read-data").then((text) => /damaged|missing/.test(text)), false);
      for (const [i, machine] of machines.entries()) {
        const target = `${base}/restored-${machine.name}`;
        await first!.run("restore", saved[i]!, "--target", target);
        strictEqual(differences(machine.source, target), "");
      }
      ok(cuts >= machines.length, `${cuts} cuts`);
      match(JSON.stringify(server.requests), /DELETE/);
    } finally {
      Deno.removeSync(base, { recursive: true });
    }
  },
});

/** @returns the snapshot that was saved last */
async function lives(machine: Machine): Promise<string> {
  let last = "";
  for (let round = 0; round < ROUNDS; round++) {
    machine.change(round);
    last = await machine.backUp();
    await machine.run("forget", "--host", machine.name, "--name", "data", "--keep-last", "1");
    if (machine.name === "a") await machine.run("prune", "--grace", "0", "--keep-unused", "0", "--unsafe");
  }
  return last;
}
