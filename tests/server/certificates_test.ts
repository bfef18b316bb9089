/** TLS: certificates of this server's own and of others, renewed while it runs; and who may connect without. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { altNames } from "../../src/server/front/alt_names.ts";
import { rawOf } from "../../src/core/raw.ts";
import type { CertificateFiles } from "../../src/server/front/certificates.ts";
import { canonicalAddress, forwardedAddress } from "../../src/server/front/addresses.ts";
import { type Certificate, derOf, selfSigned } from "../../src/server/front/self_signed.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import { answerOf, send, toEnd, type WebServer, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

/** Files with a certificate, as programs that renew one leave them. */
class Files implements CertificateFiles {
  readonly paths;
  readonly #cert: string;
  readonly #key: string;

  constructor({ base }: World) {
    [this.#cert, this.#key] = [`${base}/cert.pem`, `${base}/key.pem`];
    this.paths = [rawOf(this.#cert), rawOf(this.#key)];
  }

  read = (): Certificate => {
    try {
      return { cert: Deno.readTextFileSync(this.#cert), key: Deno.readTextFileSync(this.#key) };
    } catch {
      throw new DiskFault("ENOENT", "read", rawOf(this.#cert));
    }
  };

  write({ cert, key }: Partial<Certificate>): void {
    if (key !== undefined) Deno.writeTextFileSync(this.#key, key);
    if (cert !== undefined) Deno.writeTextFileSync(this.#cert, cert);
  }
}

/** Clients go by the real time. */
function certificate({ machine }: World, ...names: readonly string[]): Promise<Certificate> {
  return selfSigned(names, Date.now(), machine.random);
}

/** A connection to a server that shows this certificate. @throws if it shows another one */
async function connected({ port }: WebServer, { cert }: Certificate, hostname = "localhost"): Promise<Deno.TlsConn> {
  using held = new DisposableStack();
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  const tls = held.use(await Deno.startTls(tcp, { hostname, caCerts: [cert] }));
  await tls.handshake();
  held.move();
  return tls;
}

async function asked(connection: Deno.Conn, host: string, isLast: boolean) {
  const end = isLast ? "Connection: close\r\n" : "";
  await send(connection, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n${end}\r\n`);
  if (isLast) return answerOf(await toEnd(connection));
  const into = new Uint8Array(4096), got = await connection.read(into);
  return answerOf(into.subarray(0, got ?? 0));
}

/** Waits until connections get this certificate: the server looks for it every minute, in the background. */
async function whenShown(server: WebServer, made: Certificate, world: World): Promise<Deno.TlsConn> {
  for (;;) {
    try {
      return await connected(server, made);
    } catch {
      world.clock.pass(1);
    }
  }
}

const DAY_MS = 86_400_000;
const PATIENT = { headMs: 500 * DAY_MS, idleMs: 500 * DAY_MS };

Deno.test("A renewed certificate is used without a new start, and open connections go on", async () => {
  using world = new World({ inMemory: true });
  const files = new Files(world), first = await certificate(world, "localhost", "nas.example.net");
  files.write(first);
  await using server = await webServer(world, { tls: files, limits: PATIENT });
  using open = await connected(server, first);
  strictEqual((await asked(open, "localhost", false)).status, 200);
  const second = await certificate(world, "localhost", "nas.example.net");
  files.write(second);
  world.clock.ms += 61_000;
  using fresh = await whenShown(server, second, world);
  strictEqual((await asked(fresh, "localhost", true)).status, 200);
  strictEqual((await asked(open, "localhost", true)).status, 200);
  await rejects(() => connected(server, first));
  deepStrictEqual(server.log.filter(({ level }) => level !== "info"), []);
});

Deno.test("A certificate that doesn't fit its key isn't used; that is said once, and the next one is", async () => {
  using world = new World({ inMemory: true });
  const files = new Files(world), first = await certificate(world, "localhost");
  files.write(first);
  await using server = await webServer(world, { tls: files, limits: PATIENT });
  const second = await certificate(world, "localhost"), told = () => server.log.filter(({ level }) => level !== "info");
  files.write({ key: second.key });
  for (let minutes = 0; minutes < 3; minutes++) {
    world.clock.pass(2);
    using still = await connected(server, first);
    strictEqual((await asked(still, "localhost", true)).status, 200);
  }
  deepStrictEqual(told().map(({ event }) => event), ["certificate-not-renewed"]);
  Deno.removeSync(`${world.base}/cert.pem`);
  for (let minutes = 0; minutes < 3; minutes++) {
    world.clock.pass(2);
    using still = await connected(server, first);
    strictEqual((await asked(still, "localhost", true)).status, 200);
  }
  strictEqual(told().length, 2);
  files.write({ cert: second.cert });
  using fresh = await whenShown(server, second, world);
  strictEqual((await asked(fresh, "localhost", true)).status, 200);
});

Deno.test("The server answers to the names of its certificate, also to those of one that comes later", async () => {
  using world = new World({ inMemory: true });
  const files = new Files(world), first = await certificate(world, "localhost", "nas.example.net", "*.home.example");
  files.write(first);
  await using server = await webServer(world, { tls: files, limits: PATIENT });
  const statusOf = async (made: Certificate, host: string) => {
    using connection = await whenShown(server, made, world);
    return (await asked(connection, host, true)).status;
  };
  for (const host of ["nas.example.net", "NAS.example.net:8480", "a.home.example"]) {
    strictEqual(await statusOf(first, host), 200, host);
  }
  for (const host of ["example.net", "x.nas.example.net", "home.example", "a.b.home.example", ".home.example"]) {
    strictEqual(await statusOf(first, host), 421, host);
  }
  const second = await certificate(world, "localhost", "later.example.net");
  files.write(second);
  strictEqual(await statusOf(second, "later.example.net"), 200);
});

Deno.test("A certificate of this server's own is for its names, and is renewed a month before its end", async () => {
  using world = new World({ inMemory: true });
  world.clock.ms = Date.now() - 372 * DAY_MS;
  const changes = { tls: "self-signed", hostNames: ["backup.example"], limits: PATIENT } as const;
  const own = (): Certificate => ({ cert: Deno.readTextFileSync(`${world.base}/web/tls.pem`), key: "" });
  await using server = await webServer(world, changes);
  const first = own(), prints = () => server.log.filter(({ event }) => event === "certificate").length;
  const names = ["testhost", "testhost.local", "backup.example", "localhost"];
  deepStrictEqual(altNames(derOf(first.cert)), names);
  strictEqual(Deno.statSync(`${world.base}/web/tls.key`).mode! & 0o777, 0o600);
  using open = await connected(server, first);
  world.clock.ms += 360 * DAY_MS;
  strictEqual((await asked(open, "backup.example", false)).status, 200);
  deepStrictEqual([own().cert === first.cert, prints()], [true, 1]);
  world.clock.ms += 10 * DAY_MS;
  while (prints() < 2) await new Promise((wake) => setTimeout(wake, 10));
  const second = own();
  ok(second.cert !== first.cert);
  using fresh = await whenShown(server, second, world);
  strictEqual((await asked(fresh, "backup.example", true)).status, 200);
  strictEqual((await asked(open, "backup.example", true)).status, 200);
});

Deno.test("No text is a reason to fail when names are looked for in a certificate", async () => {
  using world = new World({ inMemory: true });
  const der = derOf((await certificate(world, "a.example", "127.0.0.1", `${"long".repeat(40)}.example`)).cert);
  strictEqual(altNames(der).length, 2);
  for (let length = 0; length < der.length; length++) ok(altNames(der.slice(0, length)).length <= 2);
  for (let at = 0; at < der.length; at++) altNames(der.map((byte, index) => index === at ? byte ^ 0xff : byte));
  deepStrictEqual(altNames(derOf("no certificate")), []);
});

Deno.test("Addresses of proxies and clients are read in each of their forms, and nothing else is one", () => {
  const forms = ["192.168.1.2", "FD00:0::2", "::ffff:10.0.0.1", "::1", "fd00::2", "nas.local", "1.2.3.4.5", "x:y", ""];
  deepStrictEqual(forms.map((text) => canonicalAddress(text)), [
    "192.168.1.2",
    "fd00::2",
    "10.0.0.1",
    "::1",
    "fd00::2",
    ...Array<undefined>(4).fill(undefined),
  ]);
  const headers = [
    "1.1.1.1, 10.0.0.7",
    "10.0.0.7:4711",
    "[fd00::9]:80",
    "fd00::9",
    "unknown",
    "10.0.0.7: sign-in",
    null,
  ];
  deepStrictEqual(headers.map((text) => forwardedAddress(text)), [
    "10.0.0.7",
    "10.0.0.7",
    "fd00::9",
    "fd00::9",
    ...Array<undefined>(3).fill(undefined),
  ]);
});

/** An address of this machine that isn't loopback. */
const OTHER = Deno.networkInterfaces().find(({ family, address }) => family === "IPv4" && !address.startsWith("127."));

Deno.test({
  name: "Without TLS of its own, a server behind a proxy lets nobody else connect from other machines",
  ignore: OTHER === undefined,
  fn: async () => {
    using world = new World({ inMemory: true });
    const hostname = OTHER?.address ?? "", listen = [{ kind: "tcp", hostname: "0.0.0.0", port: 0 }] as const;
    const statusOf = async ({ port }: WebServer, hostname: string) => {
      using connection = await Deno.connect({ hostname, port });
      try {
        return (await asked(connection, "localhost", true)).status;
      } catch (error) {
        if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe) return 0;
        throw error;
      }
    };
    {
      await using server = await webServer(world, { listen, trustedProxy: "10.255.255.1" });
      for (let times = 0; times < 2; times++) strictEqual(await statusOf(server, hostname), 0);
      strictEqual(await statusOf(server, "127.0.0.1"), 200);
      const refused = server.log.filter(({ event }) => event === "not-the-proxy");
      deepStrictEqual(refused.map(({ fields }) => fields), [{ address: hostname }]);
    }
    for (const changes of [{ trustedProxy: hostname }, { trustedProxy: "10.255.255.1", plainHttp: true }]) {
      await using server = await webServer(world, { listen, ...changes });
      strictEqual(await statusOf(server, hostname), 200);
    }
  },
});
