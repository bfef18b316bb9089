/** The test vectors of age itself (C2SP/CCTV): what its specification wants opened is opened, and nothing else. */
import { ok, rejects, strictEqual } from "node:assert/strict";
import { inflateSync } from "node:zlib";
import * as vectors from "cctv-age";
import { Fault } from "../../src/core/fault.ts";
import { openHead } from "../../src/vault/seal/age_header.ts";
import { openKeyFile } from "../../src/vault/seal/passphrase.ts";
import { bodyOf } from "../../src/vault/seal/sealed_body.ts";
import { sha256 } from "../support/units.ts";

interface Vector {
  readonly fields: ReadonlyMap<string, string>;
  readonly identities: readonly string[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** "key: value" lines, an empty line, and the file. */
function parseVector(text: Uint8Array): Vector {
  const latin1 = new TextDecoder("latin1").decode(text), end = latin1.indexOf("\n\n");
  const lines = latin1.slice(0, end).split("\n").map((line) => line.split(": ") as [string, string]);
  const fields = new Map(lines), file = text.slice(end + 2);
  return {
    fields,
    identities: lines.filter(([key]) => key === "identity").map(([, value]) => value),
    bytes: new Uint8Array(fields.get("compressed") === "zlib" ? inflateSync(file) : file),
  };
}

async function opened({ bytes, identities }: Vector): Promise<Uint8Array> {
  const head = await openHead(bytes.subarray(0, 4096), identities, "vector");
  const body = bodyOf(head, bytes.length, "vector"), all = { from: 0, length: body.plainBytes };
  return body.open(bytes.subarray(head.bytes.length), all);
}

let tried = 0;

for (const [name, text] of Object.entries(vectors)) {
  if (!(text instanceof Uint8Array)) continue;
  const vector = parseVector(text), { fields, identities, bytes } = vector;
  if (fields.get("armored") === "yes") continue;
  const passphrase = fields.get("passphrase"), succeeds = fields.get("expect") === "success";
  if (passphrase !== undefined) {
    Deno.test({
      name: `age vector ${name}: ${fields.get("expect")}`,
      sanitizeOps: false,
      async fn() {
        const open = () => openKeyFile(bytes, passphrase, "keys/x");
        if (!succeeds || identities.length > 0) await rejects(open, Fault);
        else strictEqual(sha256(new TextEncoder().encode(await open())), fields.get("payload"));
      },
    });
    continue;
  }
  tried++;
  Deno.test({
    name: `age vector ${name}: ${fields.get("expect")}`,
    // The package leaves the stream of a header that it refuses half read.
    sanitizeOps: false,
    async fn() {
      if (succeeds) strictEqual(sha256(await opened(vector)), fields.get("payload"));
      else await rejects(() => opened(vector), Fault);
    },
  });
}

Deno.test("There are as many vectors as there should be", () => ok(tried > 75, String(tried)));
