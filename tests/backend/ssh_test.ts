/** SSH: whose key is accepted, and how we say who we are. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { objectKey } from "../../src/backend/backend.ts";
import { BadCredentials, PlaceRefuses, PlaceUnavailable, PlaceUntrusted } from "../../src/backend/faults.ts";
import { keysOfHost } from "../../src/backend/known_hosts.ts";
import { identityPath, sshHostOf } from "../../src/backend/ssh_hosts.ts";
import type { Fault } from "../../src/core/fault.ts";
import { openPlace } from "../support/remote_place.ts";
import { HAS_SSHD, makeKey, openssh, type SshServer } from "../support/servers.ts";
import { noise, sha256 } from "../support/units.ts";

Deno.test("known_hosts: names, ports, patterns, hashed names, exceptions, revoked keys", () => {
  const salt = "c2FsdHNhbHRzYWx0c2FsdHNhbHQ=";
  const hashed = (name: string) =>
    `|1|${salt}|${
      createHmac("sha1", Uint8Array.from(atob(salt), (c) => c.charCodeAt(0))).update(name).digest("base64")
    }`;
  const text = [
    "# comment",
    "nas,192.0.2.7 ssh-ed25519 AAAA1 me@here",
    "[nas]:2222 ssh-ed25519 AAAA2",
    "*.example.net,!bad.example.net ssh-rsa AAAA3",
    `${hashed("hidden")} ssh-ed25519 AAAA4`,
    `${hashed("[hidden]:2222")} ssh-ed25519 AAAA5`,
    "@revoked * ssh-ed25519 AAAA9",
    "@cert-authority *.example.net ssh-ed25519 AAAA8",
    "broken",
  ].join("\n");
  for (
    const [host, port, keys] of [
      ["nas", 22, "AAAA1"],
      ["NAS", 22, "AAAA1"],
      ["192.0.2.7", 22, "AAAA1"],
      ["nas", 2222, "AAAA2"],
      ["a.example.net", 22, "AAAA3"],
      ["bad.example.net", 22, ""],
      ["example.net", 22, ""],
      ["hidden", 22, "AAAA4"],
      ["hidden", 2222, "AAAA5"],
      ["axexample.net", 22, ""],
    ] as const
  ) {
    const found = keysOfHost(text, host, port);
    strictEqual([...found.accepted].join(), keys, host);
    ok(found.revoked.has("AAAA9"));
  }
});

Deno.test("~/.ssh/config: the first value of each keyword counts, keys add up, patterns may exclude", () => {
  const text = `
# comment
Host nas nas2 "with space"
  HostName 192.0.2.7
  Port=2222
  IdentityFile ~/.ssh/nas
Host *.example.net !bad.example.net
\tHostName "%h.internal"
  User = backup
Match user root
  User root
Match all
  IdentityFile %d/keys/%h-%r
Host jump
  ProxyJump me@bastion:22
Host direct
  ProxyCommand none
Host command
  ProxyCommand ssh -W %h:%p bastion
Host *
  User everybody
  Port 1
  HostName never
  HostKeyAlias known
`;
  const all = { hostKeyAlias: "known", identityFiles: ["%d/keys/%h-%r"], user: "everybody" };
  const other = { ...all, hostName: "never", port: 1 };
  for (
    const [host, expected] of [
      ["nas", { ...all, hostName: "192.0.2.7", port: 2222, identityFiles: ["~/.ssh/nas", "%d/keys/%h-%r"] }],
      ["NAS2", { ...all, hostName: "192.0.2.7", port: 2222, identityFiles: ["~/.ssh/nas", "%d/keys/%h-%r"] }],
      ["a.example.net", { ...other, hostName: "a.example.net.internal", user: "backup" }],
      ["bad.example.net", other],
      ["jump", { ...other, proxy: "ProxyJump me@bastion:22" }],
      ["direct", other],
      ["command", { ...other, proxy: "ProxyCommand ssh -W %h:%p bastion" }],
    ] as const
  ) deepStrictEqual(sshHostOf(text, host), expected, host);
  deepStrictEqual(sshHostOf("Port 99999\nnonsense\nHost\nUser x", "nas"), { identityFiles: [] });
  const who = { home: "/home/me", host: "nas", user: "root" };
  strictEqual(identityPath("~/.ssh/nas", who), "/home/me/.ssh/nas");
  strictEqual(identityPath("%d/keys/%h-%r%%", who), "/home/me/keys/nas-root%");
});

Deno.test("~/.ssh/config: what it includes counts where it is included, and its blocks end there", () => {
  const files: Readonly<Record<string, readonly string[]>> = {
    "config.d/*": ["Host nas\n  User first\nHost *\n  Port 5\n", "Host nas\n  User second\n"],
    "again": ["Include again\nUser deep"],
    "only-far": ["HostName 192.0.2.8"],
  };
  const asked: string[] = [];
  const read = (text: string, host: string) =>
    sshHostOf(text, host, (pattern) => {
      asked.push(pattern);
      return files[pattern] ?? [];
    });
  const text = `
Include config.d/* missing
Host far
  Include only-far
  User me
Host *
  User everybody
`;
  deepStrictEqual(read(text, "nas"), { identityFiles: [], port: 5, user: "first" });
  deepStrictEqual(asked, ["config.d/*", "missing"]);
  deepStrictEqual(read(text, "far"), { identityFiles: [], port: 5, user: "me", hostName: "192.0.2.8" });
  asked.length = 0;
  deepStrictEqual(read("Include again", "nas"), { identityFiles: [], user: "deep" });
  strictEqual(asked.length, 16);
});

Deno.test("~/.ssh/config: Match by host names; other criteria are skipped", () => {
  const text = `
Host nas
  HostName nas.example.net
Match host *.example.net,other
  User by-host
Match originalhost nas !host x
  Port 7
Match exec "true"
  HostKeyAlias never
Match host nas
  HostKeyAlias never
Match !originalhost nas
  IdentityFile ~/elsewhere
Match all
  IdentityAgent "~/agent.sock"
`;
  const agent = { identityAgent: "~/agent.sock" };
  deepStrictEqual(sshHostOf(text, "nas"), {
    ...agent,
    hostName: "nas.example.net",
    user: "by-host",
    port: 7,
    identityFiles: [],
  });
  deepStrictEqual(sshHostOf(text, "other"), { ...agent, user: "by-host", identityFiles: ["~/elsewhere"] });
});

const sshd = HAS_SSHD ? await openssh() : { port: 0, directory: "", home: "" } as SshServer;
const LOCATION = `sftp://127.0.0.1:${sshd.port}${sshd.directory}/vault`;
const HOSTS = `${sshd.home}/.ssh/known_hosts`;

async function faultOf(location: string, variables: Readonly<Record<string, string>>): Promise<Fault> {
  try {
    await using _backend = await openPlace(location, variables);
  } catch (error) {
    return error as Fault;
  }
  throw new Error("It did not fail");
}

function testSsh(name: string, fn: () => Promise<void>): void {
  // The garbage collector lets go of ciphers.
  Deno.test({ name, ignore: !HAS_SSHD, sanitizeResources: false, fn });
}

testSsh("A server whose key nobody has accepted is told nothing; the fault shows its fingerprint", async () => {
  const empty = Deno.makeTempFileSync();
  const fault = await faultOf(`${LOCATION}?known-hosts=${empty}`, { HOME: sshd.home });
  ok(fault instanceof PlaceUntrusted, String(fault));
  const shown = new TextDecoder().decode(
    new Deno.Command("ssh-keygen", { args: ["-l", "-f", `${sshd.directory}/host.pub`] }).outputSync().stdout,
  );
  const fingerprint = shown.split(" ")[1] ?? "";
  ok(fault.message.includes(`ssh-ed25519 ${fingerprint}`), fault.message);
  match(fault.hint, new RegExp(`ssh -p ${sshd.port} 127.0.0.1`));
});

testSsh("A server with another key than the known one, or with a revoked one, is told nothing", async () => {
  makeKey(`${sshd.directory}/other`);
  const other = Deno.readTextFileSync(`${sshd.directory}/other.pub`), own = Deno.readTextFileSync(HOSTS);
  for (
    const [text, words] of [
      [`[127.0.0.1]:${sshd.port} ${other}`, /is not the one that is known: somebody may stand between/],
      [`${own}@revoked * ${own.split(" ").slice(1).join(" ")}`, /was revoked/],
    ] as const
  ) {
    const path = Deno.makeTempFileSync();
    Deno.writeTextFileSync(path, text);
    const fault = await faultOf(`${LOCATION}?known-hosts=${path}`, { HOME: sshd.home });
    ok(fault instanceof PlaceUntrusted, String(fault));
    match(fault.message, words);
  }
});

testSsh(
  "Keys: a named one, one with a passphrase, the agent; wrong ones are refused, and say what is wrong",
  async () => {
    const named = `${sshd.directory}/named`, sealed = `${sshd.directory}/sealed`, wrong = `${sshd.directory}/wrong`;
    Deno.copyFileSync(`${sshd.home}/.ssh/id_ed25519`, named);
    makeKey(sealed, "open sesame");
    makeKey(wrong);
    const authorized = `${sshd.home}/.ssh/id_ed25519.pub`;
    Deno.writeTextFileSync(authorized, Deno.readTextFileSync(`${sealed}.pub`), { append: true });
    const home = `${sshd.directory}/bare`;
    Deno.mkdirSync(`${home}/.ssh`, { recursive: true });
    Deno.copyFileSync(HOSTS, `${home}/.ssh/known_hosts`);
    const bytes = noise(10, 1);
    for (
      const more of [{ BACKUP_TOOL_SFTP_KEY_FILE: named }, {
        BACKUP_TOOL_SFTP_KEY_FILE: sealed,
        BACKUP_TOOL_SFTP_KEY_PASSPHRASE: "open sesame",
      }]
    ) {
      await using backend = await openPlace(LOCATION, { HOME: home, ...more });
      await backend.put(objectKey("data", sha256(bytes)), bytes);
      strictEqual(await backend.head(objectKey("data", sha256(bytes))), 10);
    }
    const refused = await faultOf(LOCATION, { HOME: home, BACKUP_TOOL_SFTP_KEY_FILE: wrong });
    ok(refused instanceof PlaceRefuses, String(refused));
    match(refused.message, /accepts neither key nor password/);
    const closed = await faultOf(LOCATION, { HOME: home, BACKUP_TOOL_SFTP_KEY_FILE: sealed });
    ok(closed instanceof BadCredentials, String(closed));
    match(closed.message, /needs a passphrase/);
    const nothing = await faultOf(LOCATION, { HOME: home });
    ok(nothing instanceof BadCredentials, String(nothing));
    const dead = await faultOf(LOCATION, { HOME: home, SSH_AUTH_SOCK: `${home}/nobody` });
    ok(dead instanceof PlaceRefuses || dead instanceof PlaceUnavailable, String(dead));
  },
);

testSsh(
  "A host by its name in ~/.ssh/config is reached; one behind another is refused, and says what to do",
  async () => {
    const home = `${sshd.directory}/configured`, bytes = noise(10, 2), key = objectKey("data", sha256(bytes));
    Deno.mkdirSync(`${home}/.ssh`, { recursive: true });
    Deno.copyFileSync(HOSTS, `${home}/.ssh/known_hosts`);
    Deno.copyFileSync(`${sshd.home}/.ssh/id_ed25519`, `${home}/.ssh/other-name`);
    const config = `Host my-nas
  HostName 127.0.0.1
  Port ${sshd.port}
  IdentityFile ~/.ssh/other-name
Host far
  ProxyJump my-nas
`;
    Deno.mkdirSync(`${home}/.ssh/config.d`);
    Deno.writeTextFileSync(`${home}/.ssh/config.d/nas.conf`, config);
    Deno.writeTextFileSync(`${home}/.ssh/config.d/.nas.conf.swp`, "Host *\n  HostName nobody.invalid\n");
    const agent = "IdentityAgent ~/nobody-listens\n";
    Deno.writeTextFileSync(`${home}/.ssh/config`, `Include missing ~/.ssh/config.d/*\nHost agent\n  ${agent}`);
    {
      await using backend = await openPlace(`sftp:my-nas:${sshd.directory}/by-name`, { HOME: home });
      await backend.put(key, bytes);
      strictEqual(await backend.head(key), 10);
    }
    // The agent that is named replaces the usual one.
    const asked = await faultOf(`sftp://agent:${sshd.port}${sshd.directory}/by-name`, { HOME: home });
    ok(asked instanceof PlaceUnavailable || asked instanceof PlaceRefuses, String(asked));
    // The port that the location says counts more.
    const elsewhere = await faultOf(`sftp://my-nas:1${sshd.directory}/by-name`, { HOME: home });
    ok(elsewhere instanceof PlaceUnavailable, String(elsewhere));
    const behind = await faultOf(`sftp:far:${sshd.directory}/by-name`, { HOME: home });
    ok(behind instanceof PlaceRefuses, String(behind));
    match(behind.message, /~\/\.ssh\/config reaches it by ProxyJump my-nas, which is not supported/);
    match(behind.hint, /ssh -N -L 2222:localhost:22 far/);
  },
);
