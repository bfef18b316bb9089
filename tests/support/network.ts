/** Hosts of their own on this machine: network namespaces behind one bridge, whose links can be cut and slowed. */
import { IS_LINUX, IS_ROOT } from "./needs.ts";

export interface Host {
  /** Arguments that a command is started with to run on it. */
  readonly enter: readonly string[];
  readonly address: string;
  cut(): void;
  join(): void;
  /** @param rate as `tc` reads it, such as 8mbit */
  slow(rate: string): void;
}

export interface Network extends Disposable {
  /** Of this process. */
  readonly address: string;
  readonly hosts: readonly Host[];
}

/** @throws Error if this machine allows none */
export function network(count: number): Network {
  const key = crypto.randomUUID().slice(0, 6), [subnet] = crypto.getRandomValues(new Uint8Array(1));
  const addressOf = (index: number) => `10.213.${subnet}.${index}`;
  const bridge = `bt${key}`, names = Array.from({ length: count }, (_, i) => `bt${key}${i}`);
  const hosts: Host[] = [];
  const undo = new DisposableStack();
  try {
    ip("link", "add", bridge, "type", "bridge");
    undo.defer(() => ip("link", "del", bridge));
    ip("addr", "add", `${addressOf(1)}/24`, "dev", bridge);
    ip("link", "set", bridge, "up");
    for (const [index, name] of names.entries()) {
      const address = addressOf(index + 2), inside = ["netns", "exec", name, "ip"];
      ip("netns", "add", name);
      undo.defer(() => ip("netns", "del", name));
      ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name);
      ip("link", "set", name, "master", bridge, "up");
      ip(...inside, "addr", "add", `${address}/24`, "dev", "eth0");
      for (const device of ["lo", "eth0"]) ip(...inside, "link", "set", device, "up");
      hosts.push({
        enter: ["ip", "netns", "exec", name],
        address,
        cut: () => ip("link", "set", name, "down"),
        join: () => ip("link", "set", name, "up"),
        slow: (rate) =>
          run(
            "tc",
            "qdisc",
            "replace",
            "dev",
            name,
            "root",
            "tbf",
            "rate",
            rate,
            "burst",
            "32kbit",
            "latency",
            "200ms",
          ),
      });
    }
    const made = undo.move();
    return { address: addressOf(1), hosts, [Symbol.dispose]: () => made.dispose() };
  } finally {
    undo.dispose();
  }
}

/** True if this process may make such hosts. */
export function hasNetworks(): boolean {
  if (!IS_LINUX || !IS_ROOT) return false;
  try {
    using made = network(1);
    made.hosts.forEach((host) => host.slow("8mbit"));
    return true;
  } catch {
    return false;
  }
}

function ip(...args: readonly string[]): void {
  run("ip", ...args);
}

function run(command: string, ...args: readonly string[]): void {
  const { success, stderr } = new Deno.Command(command, { args: [...args], stdout: "null" }).outputSync();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
