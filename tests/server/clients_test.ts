/** Snapshots as other programs see them by WebDAV: cadaver, GNOME's file manager, davfs2, and rclone beside rclone's own server. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { hash } from "node:crypto";
import { has, IS_LINUX } from "../support/needs.ts";
import { tokenOf, type WebServer, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

const SPECIAL = "b&<c> #1%ü.txt", BIG = 3_000_000;

async function filled(): Promise<World> {
  using held = new DisposableStack();
  const world = held.use(new World());
  world.write(`docs/${SPECIAL}`, "marked");
  world.write("docs/big.bin", "x".repeat(BIG));
  for (let n = 0; n < 20; n++) world.write(`many/${n}.txt`, `file ${n}`);
  Deno.mkdirSync(`${world.source}/empty`);
  await world.backup({ name: "photos" });
  held.move();
  return world;
}

interface Said {
  readonly success: boolean;
  readonly text: string;
}

async function program(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  input = "",
): Promise<Said> {
  const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(command, { args: [...args], env, ...piped }).spawn(), writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  return { success, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

const sizeOf = (path: string) => Deno.statSync(path).size;

Deno.test({
  name: "cadaver goes down from the top of the server, gets files, and can't change anything",
  ignore: !has("cadaver"),
  fn: async () => {
    using world = await filled();
    await using server = await webServer(world);
    const home = `${world.base}/home`, out = `${world.base}/out.bin`;
    Deno.mkdirSync(home);
    Deno.writeTextFileSync(`${home}/.netrc`, `machine 127.0.0.1 login read password ${tokenOf("read")}\n`, {
      mode: 0o600,
    });
    const lines = [
      "ls",
      "cd dav/photos/latest",
      "ls",
      "cd docs",
      "ls",
      `get big.bin ${out}`,
      `get "${SPECIAL}" ${world.base}/special`,
      `put ${out} other.bin`,
      "mkcol new",
      "delete big.bin",
      "quit",
    ];
    const url = `http://127.0.0.1:${server.port}/`;
    const { text } = await program("cadaver", [url], { HOME: home, LC_ALL: "C.UTF-8" }, `${lines.join("\n")}\n`);
    for (const seen of ["Coll:   dav", "Coll:   empty", "Coll:   many", "big.bin", String(BIG)]) {
      ok(text.includes(seen), text);
    }
    strictEqual(text.match(/405 Method Not Allowed/g)?.length, 3, text);
    strictEqual(sizeOf(out), BIG);
    strictEqual(Deno.readTextFileSync(`${world.base}/special`), "marked");
  },
});

/** Where Debian keeps what mounts WebDAV for GNOME. */
const HAS_GVFS = IS_LINUX && ["/usr/libexec/gvfsd-dav", "/usr/lib/gvfs/gvfsd-dav"].some((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

/** All in one session of D-Bus; each answer begins with its number. */
function gnome(port: number): string {
  const at = `dav://read@127.0.0.1:${port}/`, photos = `${at}dav/photos/latest/`;
  return `
    printf '%s\\n' "$TOKEN" | gio mount "${at}" >/dev/null 2>&1; echo "mount: $?"
    echo list: $(gio list "${photos}" | sort)
    echo many: $(gio list "${photos}many" | wc -l)
    echo cat: "$(gio cat "${photos}docs/${encodeURIComponent(SPECIAL)}")"
    gio copy "${photos}docs/big.bin" "$HOME/big.bin"; echo "copy: $?"
    gio copy "$HOME/big.bin" "${photos}docs/other.bin" >/dev/null 2>&1; echo "write: $?"
    gio remove "${photos}docs/big.bin" >/dev/null 2>&1; echo "remove: $?"
    gio mount -u "${at}" >/dev/null 2>&1`;
}

Deno.test({
  name: "GNOME's file manager mounts the server, lists, reads, and can't change anything",
  ignore: !HAS_GVFS || !has("gio", "dbus-run-session"),
  fn: async () => {
    using world = await filled();
    await using server = await webServer(world);
    const home = `${world.base}/home`, runtime = `${world.base}/runtime`;
    Deno.mkdirSync(home);
    Deno.mkdirSync(runtime, { mode: 0o700 });
    const env = { HOME: home, XDG_RUNTIME_DIR: runtime, TOKEN: tokenOf("read"), LC_ALL: "C.UTF-8" };
    const { text } = await program("dbus-run-session", ["--", "bash", "-c", gnome(server.port)], env);
    const said = Object.fromEntries([...text.matchAll(/^([a-z]+): (.*)$/gm)].map(([, name, value]) => [name, value]));
    const { mount, list, many, cat, copy } = said;
    deepStrictEqual({ mount, list, many, cat, copy }, {
      mount: "0",
      list: "docs empty many",
      many: "20",
      cat: "marked",
      copy: "0",
    }, text);
    ok(said["write"] !== "0" && said["remove"] !== "0", text);
    strictEqual(sizeOf(`${home}/big.bin`), BIG);
  },
});

/** A file system in user space can be mounted by this user. */
function canMount(): boolean {
  try {
    return Deno.uid() === 0 && Deno.statSync("/dev/fuse").isCharDevice === true;
  } catch {
    return false;
  }
}

/** Mounts the address, looks, and unmounts it; each answer begins with its name. */
function davfs(url: string, base: string): string {
  return `
    mount.davfs -o conf=${base}/davfs2.conf "${url}" ${base}/mounted </dev/null; echo "mount: $?"
    cd ${base}/mounted; echo list: $(ls 2>/dev/null | grep -v lost+found | sort)
    echo there: $(for name in docs many empty docs/big.bin many/7.txt many/20.txt; do test -e $name && echo $name; done)
    cd /
    echo cat: "$(cat "${base}/mounted/docs/${SPECIAL}")"
    echo big: $(sha256sum < ${base}/mounted/docs/big.bin | cut -c 1-64)
    echo part: $(tail -c 7 ${base}/mounted/docs/big.bin | wc -c)
    echo size: $(stat -c %s ${base}/mounted/docs/big.bin) $(stat -c %Y ${base}/mounted/docs/big.bin)
    mkdir ${base}/mounted/new 2>/dev/null; echo "mkdir: $?"
    rm ${base}/mounted/many/1.txt; mv ${base}/mounted/many/2.txt ${base}/mounted/many/3.txt 2>/dev/null
    umount ${base}/mounted; echo "umount: $?"`;
}

Deno.test({
  name: "davfs2 mounts a snapshot as a file system, lists, reads, and can't change anything",
  ignore: !has("mount.davfs", "sha256sum") || !canMount(),
  fn: async () => {
    using world = await filled();
    await using server = await webServer(world);
    const url = urlOf(server), { base } = world, secret = `${url} read ${tokenOf("read")}\n`;
    for (const name of ["mounted", "cache"]) Deno.mkdirSync(`${base}/${name}`);
    // It goes on as a user of its own.
    Deno.chmodSync(base, 0o711);
    Deno.chmodSync(`${base}/cache`, 0o777);
    Deno.writeTextFileSync(`${base}/secrets`, secret, { mode: 0o600 });
    const conf = ["use_locks 0", "ask_auth 0", `secrets ${base}/secrets`, `cache_dir ${base}/cache`, "delay_upload 0"];
    Deno.writeTextFileSync(`${base}/davfs2.conf`, `${conf.join("\n")}\n`);
    const { text } = await program("sh", ["-c", davfs(url, base)], { PATH: Deno.env.get("PATH") ?? "" });
    const said = Object.fromEntries([...text.matchAll(/^([a-z]+): (.*)$/gm)].map(([, name, value]) => [name, value]));
    const { mount, there, cat, big, part, size, umount } = said;
    const mtime = Math.floor((Deno.statSync(`${world.source}/docs/big.bin`).mtime?.getTime() ?? 0) / 1000);
    deepStrictEqual({ mount, there, cat, big, part, size, umount }, {
      mount: "0",
      there: "docs many empty docs/big.bin many/7.txt",
      cat: "marked",
      big: hash("sha256", "x".repeat(BIG)),
      part: "7",
      size: `${BIG} ${mtime}`,
      umount: "0",
    }, text);
    // Some of its versions can't list anything on newer kernels, whatever the server.
    ok(["docs empty many", "", undefined].includes(said["list"]), text);
    ok(said["mkdir"] !== "0", text);
    strictEqual((await listed(`${url}many/`, { authorization: `Bearer ${tokenOf("read")}` })).length, 21);
  },
});

/** What a client of WebDAV is answered: paths below the top, kinds, sizes and types of answers. */
async function listed(
  url: string,
  headers: Readonly<Record<string, string>>,
  depth = "1",
): Promise<readonly string[]> {
  const answer = await fetch(url, { method: "PROPFIND", headers: { ...headers, depth } });
  const text = await answer.text(), top = new URL(url).pathname;
  strictEqual(answer.status, 207, text);
  return [...text.matchAll(/<D:response>[^]*?<\/D:response>/g)].map(([one]) => {
    const href = decodeURIComponent(/<D:href>([^<]*)</.exec(one)?.[1] ?? "").slice(top.length);
    const size = /<D:getcontentlength>(\d+)</.exec(one)?.[1], isDirectory = /<D:collection[ /]/.test(one);
    const modified = isDirectory ? "" : /<D:getlastmodified>([^<]*)</.exec(one)?.[1];
    return `${href.replaceAll("&amp;", "&")} ${isDirectory ? "directory" : size} ${modified}`;
  }).sort();
}

/** Status, and what of the content there is. */
async function got(url: string, headers: Readonly<Record<string, string>>, method = "GET"): Promise<string> {
  const answer = await fetch(url, { method, headers }), bytes = await answer.bytes();
  const named = ["content-range", "accept-ranges", "last-modified"].map((name) => answer.headers.get(name));
  const length = answer.status < 300 ? answer.headers.get("content-length") : "";
  return JSON.stringify([answer.status, length, answer.status < 300 ? [...bytes.slice(0, 20)] : [], ...named]);
}

const FILE = "docs/big.bin", PAST = "Thu, 01 Jan 2015 00:00:00 GMT", FUTURE = "Fri, 01 Jan 2100 00:00:00 GMT";
const ASKED: readonly (readonly [string, Readonly<Record<string, string>>, string?])[] = [
  [FILE, {}],
  [FILE, {}, "HEAD"],
  [FILE, { range: "bytes=0-0" }],
  [FILE, { range: "bytes=100-199" }],
  [FILE, { range: `bytes=${BIG - 5}-${BIG + 5}` }],
  [FILE, { range: "bytes=-7" }],
  [FILE, { range: "bytes=2999990-" }],
  [`docs/${encodeURIComponent(SPECIAL)}`, {}],
  ["many/7.txt", {}],
];

/** What a client wants only in some case: the statuses have to be the same. */
const CONDITIONS: readonly Readonly<Record<string, string>>[] = [
  { "if-none-match": "*" },
  { "if-none-match": '"other"' },
  { "if-none-match": '"other", "others"', "if-modified-since": FUTURE },
  { "if-match": "*" },
  { "if-match": '"other"' },
  { "if-match": '"other"', "if-unmodified-since": FUTURE },
  { "if-modified-since": PAST },
  { "if-modified-since": FUTURE },
  { "if-modified-since": "some day" },
  { "if-unmodified-since": PAST },
  { "if-unmodified-since": FUTURE },
  { "if-unmodified-since": "some day" },
  { "if-range": '"other"', range: "bytes=0-9" },
  { "if-range": PAST, range: "bytes=0-9" },
  { "if-match": '"other"', range: "bytes=0-9" },
  { "if-none-match": "*", range: "bytes=0-9" },
  { range: `bytes=${BIG}-` },
  { range: `bytes=-${2 * BIG}` },
  { range: `bytes=0-${10 * BIG}` },
];

/** rclone's own server of a directory. */
async function rcloneServer(directory: string): Promise<{ url: string } & AsyncDisposable> {
  const args = ["serve", "webdav", directory, "--addr", "127.0.0.1:0", "--config", "/dev/null", "-v"];
  const child = new Deno.Command("rclone", { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
  const found = Promise.withResolvers<string>();
  let log = "";
  const following = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      log += text;
      const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(log)?.[0];
      if (url !== undefined) found.resolve(url);
    }
    found.reject(new Error(log));
  })();
  const end = async () => {
    child.kill();
    await Promise.all([child.status, following]);
  };
  return { url: await found.promise, [Symbol.asyncDispose]: end };
}

Deno.test({
  name: "Lists, contents and ranges are those that rclone serves of the same files",
  ignore: !has("rclone"),
  fn: async () => {
    using world = await filled();
    await using server = await webServer(world);
    await using other = await rcloneServer(world.source);
    const own = urlOf(server), headers = { authorization: `Bearer ${tokenOf("read")}` };
    for (const path of ["", "docs/", "many/", "empty/"]) {
      deepStrictEqual(await listed(own + path, headers), await listed(other.url + path, {}), path);
      deepStrictEqual(await listed(own + path, headers, "0"), await listed(other.url + path, {}, "0"), path);
    }
    for (const path of [FILE, "many/7.txt"]) {
      deepStrictEqual(await listed(own + path, headers), await listed(other.url + path, {}), path);
    }
    for (const condition of CONDITIONS) {
      for (const method of ["GET", "HEAD"]) {
        const outcome = async (url: string, more: Readonly<Record<string, string>>) => {
          const answer = await fetch(url, { method, headers: { ...more, ...condition } }), bytes = await answer.bytes();
          // The words of an error are everybody's own.
          return [method, condition, answer.status, answer.status < 400 ? bytes.length : "an error"];
        };
        deepStrictEqual(await outcome(own + FILE, headers), await outcome(other.url + FILE, {}));
      }
    }
    for (const [path, more, method] of ASKED) {
      strictEqual(
        await got(own + path, { ...headers, ...more }, method),
        await got(other.url + path, more, method),
        path,
      );
    }
    for (const [path, method] of [["nothing", "GET"], ["nothing", "PROPFIND"], ["docs/nothing/x", "HEAD"]] as const) {
      const status = async (url: string, given: Readonly<Record<string, string>>) => {
        const answer = await fetch(url + path, { method, headers: { ...given, depth: "0" } });
        await answer.body?.cancel();
        return answer.status;
      };
      strictEqual(await status(own, headers), await status(other.url, {}), `${method} ${path}`);
    }
  },
});

function urlOf({ port }: WebServer): string {
  return `http://127.0.0.1:${port}/dav/photos/latest/`;
}
