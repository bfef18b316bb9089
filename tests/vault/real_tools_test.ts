/** What the tool writes is opened by Debian's age, zstd, tar and bsdtar, and what those write is opened here. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Raw, rawOf } from "../../src/core/raw.ts";
import { ListBuilder } from "../../src/vault/pack/parts_list.ts";
import { fileName, listName, partName, snapshotDirectory } from "../../src/vault/pack/tar_names.ts";
import type { LaneName, NewItem } from "../../src/vault/pack/unit_writer.ts";
import { openHead } from "../../src/vault/seal/age_header.ts";
import { encodeKeyFile } from "../../src/vault/seal/key_file.ts";
import { openKeyFile, sealKeyFile } from "../../src/vault/seal/passphrase.ts";
import { bodyOf } from "../../src/vault/seal/sealed_body.ts";
import type { Apath } from "../../src/core/apath.ts";
import { fileItem, isInstalled, makeUnit, noise, sha256, testKey, VAULT } from "../support/units.ts";

const LABEL = { vault: VAULT, name: "me", created: "2026-11-20T22:05:11Z" };
const DIRECTORY = snapshotDirectory({ host: "nas", series: "photos", start: "2026-11-20T22:05:11.123Z" });

function test(claim: string, programs: readonly string[], check: (dir: string) => void | Promise<void>): void {
  const missing = programs.filter((program) => !isInstalled(program));
  Deno.test({
    name: missing.length === 0 ? claim : `${claim} [needs ${missing.join(", ")}]`,
    ignore: missing.length > 0,
    async fn() {
      const dir = Deno.makeTempDirSync();
      try {
        await check(dir);
      } finally {
        Deno.removeSync(dir, { recursive: true });
      }
    },
  });
}

/** Runs a line of the shell; what it prints. */
function shell(line: string, cwd: string): string {
  const { success, stdout, stderr } = new Deno.Command("bash", {
    args: ["-euo", "pipefail", "-c", line],
    cwd,
    env: { TZ: "UTC", LC_ALL: "C.UTF-8" },
  }).outputSync();
  ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

const name = (path: string) => fileName(DIRECTORY, rawOf(path) as Apath);

/** Small and large, compressible and not, with odd names and times. */
function files(): { path: string; bytes: Uint8Array<ArrayBuffer>; item: NewItem }[] {
  const contents: [path: string, bytes: Uint8Array<ArrayBuffer>, lane?: LaneName][] = [
    ["/readme.txt", new TextEncoder().encode("Hello\n")],
    ["/empty", new Uint8Array(0)],
    ["/a/fünf 😀.txt", noise(70_000, 1, 40)],
    ["/a/photo.jpg", noise(300_001, 2), "raw"],
    ["/a/one byte more.bin", noise(524_289, 3), "raw"],
    ["/a/large.txt", noise(3_000_000, 4, 20)],
    ["/raw.bin", noise(131_072, 5), "raw"],
    [`/${"long/".repeat(30)}${"n".repeat(200)}`, noise(513, 6, 30)],
  ];
  return contents.map(([path, bytes, lane = "compressed"]) => ({
    path,
    bytes,
    item: fileItem("", bytes, { name: name(path), lane }),
  }));
}

async function writeUnit(dir: string, plain = false): Promise<void> {
  const { bytes } = await makeUnit(files().map(({ item }) => item), { plain });
  Deno.writeFileSync(`${dir}/unit`, bytes);
  Deno.writeTextFileSync(`${dir}/key`, encodeKeyFile(await testKey(), LABEL));
}

function assertExtracted(dir: string): void {
  for (const { path, bytes } of files()) {
    const file = `${dir}/${DIRECTORY}${path}`;
    strictEqual(sha256(Deno.readFileSync(file)), sha256(bytes), path);
    strictEqual(shell(`stat -c '%a %.Y' "$(printf %s '${file}')"`, dir).trim(), "640 1763672711.123456789");
  }
}

test(
  "age, zstd and tar give every file of a unit its name, bytes, mode and time in ns",
  ["age", "zstd", "tar"],
  async (dir) => {
    await writeUnit(dir);
    Deno.mkdirSync(`${dir}/out`);
    shell("age -d -i ../key ../unit | zstd -d | tar x", `${dir}/out`);
    assertExtracted(`${dir}/out`);
    strictEqual(shell("age -d -i key unit | zstd -d | tar t | tail -1", dir), ".backup-tool/unit.json\n");
  },
);

test("bsdtar reads what age gives, and a unit that is not encrypted as it is", ["age", "bsdtar"], async (dir) => {
  for (const plain of [false, true]) {
    await writeUnit(dir, plain);
    const out = `${dir}/out-${plain}`;
    Deno.mkdirSync(out);
    shell(plain ? "bsdtar xf ../unit" : "age -d -i ../key ../unit | bsdtar xf -", out);
    assertExtracted(out);
  }
});

test("zstd finds nothing wrong with the frames, and knows their sizes", ["zstd"], async (dir) => {
  await writeUnit(dir, true);
  shell("cp unit unit.zst; zstd -t unit.zst", dir);
  ok(shell("zstd -lv unit.zst", dir).includes("Decompressed Size"));
});

test("GNU tar reads a name that is no UTF-8", ["zstd", "tar"], async (dir) => {
  const { bytes } = await makeUnit([fileItem("", noise(10, 1), { name: `${DIRECTORY}/caf\xe9` as Raw })], {
    plain: true,
  });
  Deno.writeFileSync(`${dir}/unit`, bytes);
  ok(shell("zstd -dc < unit | tar t", dir).startsWith(`${DIRECTORY}/caf\\351\n`));
});

test("A large file is put together by its list and a shell, parts that occur twice included", [
  "age",
  "zstd",
  "tar",
], async (dir) => {
  const parts = [noise(200_000, 1), noise(150_000, 2, 30), noise(200_000, 1), noise(99, 3)];
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0)), file = name("/vms/big.img");
  const lists = new ListBuilder(), items: NewItem[] = [];
  let at = 0;
  for (const bytes of parts) {
    const id = lists.add(bytes);
    whole.set(bytes, at);
    if (!items.some((item) => item.id === id)) items.push(fileItem("", bytes, { name: partName(file, at, id) }));
    at += bytes.length;
  }
  const { top, content } = lists.finish();
  strictEqual(content, sha256(whole));
  const copy = fileItem("", top.bytes, { id: `${content}f2`, digest: top.digest, name: listName(file) });
  const { bytes } = await makeUnit(items, { copies: [copy] });
  Deno.writeFileSync(`${dir}/unit`, bytes);
  Deno.writeTextFileSync(`${dir}/key`, encodeKeyFile(await testKey(), LABEL));
  shell(
    String.raw`mkdir out; cd out; age -d -i ../key ../unit | zstd -d | tar x
    find . -type f -exec sha256sum {} + > ../sums
    sed -n 's/^\["\([0-9a-f]*\)".*/\1/p' nas/photos/2026*/vms/big.img.parts/list.jsonl |
      while read -r i; do cat "$(grep -m1 "^$i" ../sums | cut -c67-)"; done > ../big.img`,
    dir,
  );
  strictEqual(sha256(Deno.readFileSync(`${dir}/big.img`)), content);
});

test("The first identity of a key file opens data units, the second all others", ["age"], async (dir) => {
  const [, data, meta] = encodeKeyFile(await testKey(), LABEL).split("\n");
  for (const [unitClass, right, wrong] of [["data", data, meta], ["meta", meta, data]] as const) {
    const item = unitClass === "data"
      ? fileItem("a", noise(9, 1))
      : fileItem("a", noise(9, 1), { id: `${sha256(noise(9, 1))}f1` });
    Deno.writeFileSync(`${dir}/unit`, (await makeUnit([item], { unitClass })).bytes);
    Deno.writeTextFileSync(`${dir}/right`, `${right}\n`);
    Deno.writeTextFileSync(`${dir}/wrong`, `${wrong}\n`);
    shell("age -d -i right unit > plain && ! age -d -i wrong unit > /dev/null 2>&1", dir);
  }
});

test("A passphrase that somebody gives to age opens what lies in keys/", ["age", "script"], async (dir) => {
  const text = encodeKeyFile(await testKey(), LABEL);
  Deno.writeFileSync(`${dir}/sealed`, await sealKeyFile(text, "correct horse", 10));
  Deno.writeTextFileSync(`${dir}/ask`, "age -d -o plain sealed\n");
  shell("(echo 'correct horse') | script -qec 'bash ask' /dev/null > /dev/null", dir);
  strictEqual(Deno.readTextFileSync(`${dir}/plain`), text);
});

test(
  "age itself seals what is opened here: by recipient, with two of them, and by passphrase",
  ["age", "script"],
  async (dir) => {
    const { dataRecipient, metaRecipient, dataIdentity } = await testKey(), plain = noise(200_000, 7);
    Deno.writeFileSync(`${dir}/plain`, plain);
    for (const [recipients, headLength] of [[[dataRecipient], 184], [[metaRecipient, dataRecipient], 282]] as const) {
      shell(`age ${recipients.map((recipient) => `-r ${recipient}`).join(" ")} -o sealed plain`, dir);
      const sealed = Deno.readFileSync(`${dir}/sealed`);
      const head = await openHead(sealed.subarray(0, 4096), [dataIdentity!], "sealed");
      strictEqual(head.bytes.length, headLength);
      const body = bodyOf(head, sealed.length, "sealed"),
        { from, length } = body.storedRange({ from: 0, length: plain.length });
      deepStrictEqual(body.open(sealed.subarray(from, from + length), { from: 0, length: plain.length }), plain);
    }
    const text = encodeKeyFile(await testKey(), LABEL);
    Deno.writeTextFileSync(`${dir}/text`, text);
    Deno.writeTextFileSync(`${dir}/ask`, "age -p -o locked text\n");
    shell("(echo secret; echo secret) | script -qec 'bash ask' /dev/null > /dev/null", dir);
    strictEqual(await openKeyFile(Deno.readFileSync(`${dir}/locked`), "secret", "keys/x"), text);
  },
);
