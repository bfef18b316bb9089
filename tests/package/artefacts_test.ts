import { deepStrictEqual, match, rejects, strictEqual, throws } from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { ar, bytesOf, digest, tar } from "../../scripts/package/archives/archive.ts";
import { icon } from "../../scripts/package/archives/icon.ts";
import { debFor } from "../../scripts/package/artefacts/deb.ts";
import {
  composeFor,
  formulaFor,
  scoopFor,
  unraidFor,
  wingetFor,
} from "../../scripts/package/artefacts/descriptions.ts";
import { imageFor } from "../../scripts/package/artefacts/image.ts";
import { notesFor } from "../../scripts/package/artefacts/notes.ts";
import { qpkgFor } from "../../scripts/package/artefacts/qpkg.ts";
import { sbomFor } from "../../scripts/package/artefacts/sbom.ts";
import { spkFor } from "../../scripts/package/artefacts/spk.ts";
import { bundledPackages, debianComponents, npmComponents } from "../../scripts/package/components.ts";
import { Unbuildable } from "../../scripts/package/release.ts";
import { manualPages } from "../../scripts/package/manual.ts";
import { has } from "../support/needs.ts";
import { type Artefact, bytesOfArtefact } from "./artefact_bytes.ts";
import { packageFiles } from "./needed_packages.ts";
import { testRelease, TIME } from "./test_release.ts";

const PROGRAM = new TextEncoder().encode("#!/bin/sh\necho backup-tool\n");
const SHA256 = digest("sha256", PROGRAM);
const everywhere = testRelease({
  "linux-x64": PROGRAM,
  "linux-x64-glibc": PROGRAM,
  "linux-arm64": PROGRAM,
  "macos-x64": PROGRAM,
  "macos-arm64": PROGRAM,
  "windows-x64": PROGRAM,
});
const nowhere = testRelease({}, { missing: new Map([["windows-x64", "no base runtime"]]) });
const image = await packageFiles(() => imageFor(everywhere));

function textOf(artefact: Artefact): string {
  return new TextDecoder().decode(bytesOfArtefact(artefact));
}

async function listed(command: string, args: readonly string[], bytes: Uint8Array): Promise<string[]> {
  const child = new Deno.Command(command, { args: [...args], stdin: "piped", stdout: "piped", stderr: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(bytes);
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  strictEqual(success, true, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

for (
  const { name, make } of [
    { name: ".deb", make: () => debFor(everywhere, "amd64") },
    { name: ".spk", make: () => spkFor(everywhere) },
    { name: ".qpkg", make: () => qpkgFor(everywhere) },
  ]
) {
  Deno.test(`${name}: the same release makes the same bytes`, async () => {
    strictEqual(bytesOfArtefact(await make()).toBase64(), bytesOfArtefact(await make()).toBase64());
  });
}

Deno.test({ name: "image: the same release makes the same bytes", ignore: image === undefined }, async () => {
  strictEqual(bytesOfArtefact(image!).toBase64(), bytesOfArtefact(await imageFor(everywhere)).toBase64());
});

Deno.test("tar() sorts, adds directories, and gives everything to root at the given time", async () => {
  const packed = [{ path: "b/c", content: "x", mode: 0o755 }, { path: "a", linkTo: "b/c" }, { path: "d" }];
  const lines = await listed("tar", ["--utc", "--full-time", "-tvf", "-"], await tar(packed, TIME, "./"));
  deepStrictEqual(lines.map((line) => line.replace(/ +/g, " ")), [
    "lrwxrwxrwx root/root 0 2026-03-04 05:06:07 ./a -> b/c",
    "drwxr-xr-x root/root 0 2026-03-04 05:06:07 ./b/",
    "-rwxr-xr-x root/root 1 2026-03-04 05:06:07 ./b/c",
    "drwxr-xr-x root/root 0 2026-03-04 05:06:07 ./d/",
  ]);
});

Deno.test("ar() pads contents of an odd length", () => {
  const text = new TextDecoder().decode(ar([{ name: "x", content: "odd" }, { name: "y", content: "even" }], TIME));
  match(text, /^!<arch>\nx {15}1772600767 {2}0 {5}0 {5}100644 {2}3 {9}`\nodd\ny /);
});

Deno.test({ name: ".deb: dpkg reads what it is and holds", ignore: !has("dpkg-deb") }, async () => {
  const path = await Deno.makeTempFile({ suffix: ".deb" });
  try {
    await Deno.writeFile(path, bytesOfArtefact(await debFor(everywhere, "arm64")));
    const said = async (...args: string[]) => await listed("dpkg-deb", [...args, path], new Uint8Array());
    deepStrictEqual(await said("--show"), ["backup-tool\t1.2.3"]);
    const names = (await said("--contents")).map((line) => line.split(" ").at(-1));
    for (const name of ["./usr/bin/backup-tool", "./usr/lib/systemd/system/backup-tool.service"]) {
      strictEqual(names.includes(name), true, name);
    }
    match((await said("--info")).join("\n"), /Architecture: arm64\n/);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("the icon is a PNG of its size", () => {
  const png = icon(64), view = new DataView(png.buffer);
  deepStrictEqual([view.getUint32(0), view.getUint32(16), view.getUint32(20)], [0x89504e47, 64, 64]);
});

Deno.test("Homebrew: a block for each platform that there is an executable for", () => {
  const text = textOf(formulaFor(everywhere));
  strictEqual(text.split(`sha256 "${SHA256}"`).length - 1, 4);
  match(
    text,
    /on_macos do\n {4}on_arm do\n {6}url "https:\/\/example\.org\/releases\/v1\.2\.3\/backup-tool-1\.2\.3-macos-arm64"/,
  );
  strictEqual(textOf(formulaFor(testRelease({ "linux-x64": PROGRAM }))).includes("on_macos"), false);
});

Deno.test("Scoop and winget: address and sum of the executable for Windows", () => {
  const { architecture } = JSON.parse(textOf(scoopFor(everywhere)));
  deepStrictEqual(architecture, {
    "64bit": {
      url: "https://example.org/releases/v1.2.3/backup-tool-1.2.3-windows-x64.exe#/backup-tool.exe",
      hash: SHA256,
    },
  });
  const files = wingetFor(everywhere);
  strictEqual(files.length, 3);
  strictEqual(files.map(textOf).join("").includes(`InstallerSha256: ${SHA256.toUpperCase()}`), true);
});

Deno.test("what can't be made says why", async () => {
  throws(() => scoopFor(nowhere), new Unbuildable("no base runtime"));
  await rejects(debFor(nowhere, "arm64"), new Unbuildable("no executable for linux-arm64"));
  const unpublished = testRelease({ "linux-x64": PROGRAM }, { url: undefined });
  throws(() => formulaFor(unpublished), new Unbuildable("nobody said where it will be downloaded from: --url"));
});

Deno.test("Compose and Unraid have one volume for storage and jobs, and read sources only", () => {
  const compose = textOf(composeFor(everywhere)), unraid = textOf(unraidFor(everywhere));
  match(compose, /image: backup-tool:1\.2\.3\n/);
  match(compose, /- \.\/data:\/data\n[^]*:ro\n/);
  match(unraid, /Target="\/data" [^>]*Mode="rw"[^]*Target="\/source" [^>]*Mode="ro"/);
});

Deno.test("the bill of materials names each package with version, licence and sum, the same each time", async () => {
  const components = [...debianComponents(), ...await npmComponents()];
  const artefact = sbomFor(everywhere, components), sbom = JSON.parse(textOf(artefact));
  strictEqual(textOf(sbomFor(everywhere, components)), textOf(artefact));
  match(sbom.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  strictEqual(sbom.components.length, components.length);
  for (const { name, version, license, sha512, purl } of components) {
    match(version, /^\d/, name);
    strictEqual(license === "NOASSERTION", false, `${name} has no licence`);
    strictEqual(purl.startsWith("pkg:npm/") ? sha512?.length : 128, 128, name);
  }
});

Deno.test("bundled packages are those of the source and what they need, not those of tests", () => {
  const names = bundledPackages().map(({ name }) => name);
  for (const name of ["commander", "zod", "@noble/ciphers", "tweetnacl"]) {
    strictEqual(names.includes(name), true, name);
  }
  for (const name of ["typescript", "fast-check", "cctv-age"]) strictEqual(names.includes(name), false, name);
});

Deno.test("the manual has a page for each command and topic", async () => {
  const pages = new Map((await manualPages()).map(({ path, content = "" }) => [path, content]));
  for (const name of ["man1/backup-tool.1", "man1/backup-tool-restore.1", "man7/backup-tool-nas.7"]) {
    const roff = new TextDecoder().decode(gunzipSync(bytesOf(pages.get(`man/${name}.gz`) ?? "")));
    match(roff, /^[^]*\.TH [^]*\.SH NAME\n/, name);
  }
});

Deno.test("release notes sort commits by what they changed", () => {
  const notes = notesFor(everywhere, [
    { subject: "Restores are faster", files: ["src/operations/restore/restore.ts", "tests/x_test.ts"] },
    { subject: "Roots say more", files: ["src/storage/FORMAT.md", "src/storage/storage.ts"] },
    { subject: "Tests are calmer", files: ["tests/x_test.ts"] },
    { subject: "An image", files: ["scripts/package/artefacts/image.ts"] },
  ], "v1.2.2");
  strictEqual(
    textOf(notes),
    "# 1.2.3\n\nChanges since v1.2.2.\n\n## Formats\n\n- Roots say more\n\n## The tool\n\n- Restores are faster\n\n" +
      "## Packages\n\n- An image\n\n## For developers\n\n- Tests are calmer\n",
  );
});
