import { strictEqual, throws } from "node:assert/strict";
import { BuildFailed, isDownloadFailure, outputFor, targetNamed } from "../../scripts/build.ts";

Deno.test("targetNamed() knows short and full names of five platforms", () => {
  strictEqual(targetNamed("linux-x64"), "x86_64-unknown-linux-gnu");
  strictEqual(targetNamed("linux-arm64"), "aarch64-unknown-linux-gnu");
  strictEqual(targetNamed("macos-x64"), "x86_64-apple-darwin");
  strictEqual(targetNamed("macos-arm64"), "aarch64-apple-darwin");
  strictEqual(targetNamed("windows-x64"), "x86_64-pc-windows-msvc");
  strictEqual(targetNamed("aarch64-apple-darwin"), "aarch64-apple-darwin");
});

Deno.test("targetNamed() refuses other platforms and says which there are", () => {
  throws(
    () => targetNamed("amiga"),
    new BuildFailed(
      'Cannot build for "amiga": give one of linux-x64, linux-arm64, macos-x64, macos-arm64, windows-x64',
    ),
  );
  throws(() => targetNamed("constructor"), BuildFailed);
});

Deno.test("outputFor() names the file after the target, with .exe for Windows", () => {
  strictEqual(outputFor(undefined, "x86_64-unknown-linux-gnu"), "dist/backup-tool");
  strictEqual(outputFor(undefined, "x86_64-pc-windows-msvc"), "dist/backup-tool.exe");
  strictEqual(outputFor("aarch64-apple-darwin", "x86_64-pc-windows-msvc"), "dist/backup-tool-aarch64-apple-darwin");
  strictEqual(
    outputFor("x86_64-pc-windows-msvc", "x86_64-unknown-linux-gnu"),
    "dist/backup-tool-x86_64-pc-windows-msvc.exe",
  );
});

for (
  const { said, expected } of [
    {
      said:
        "error: Writing deno compile executable\n\nCaused by:\n    0: Setting up base binary.\n    1: error sending " +
        "request for url (https://dl.deno.land/release/v2.9.6/denort-x86_64-unknown-linux-gnu.zip)",
      expected: true,
    },
    { said: "error: Module not found", expected: false },
    { said: "error: No space left on device (os error 28)", expected: false },
  ]
) {
  Deno.test(`isDownloadFailure() is ${expected} for ${said.slice(0, 40)}`, () => {
    strictEqual(isDownloadFailure(said), expected);
  });
}
