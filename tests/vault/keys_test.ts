/** Keys: everything follows from one line, and what somebody types is judged. */
import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { encode } from "uqr";
import { BadKeyFile, BeyondLimit, DamagedObject, WrongPassphrase } from "../../src/vault/format/faults.ts";
import { encodeKeyFile, parseKeyFile, vaultOfKeyFile } from "../../src/vault/seal/key_file.ts";
import {
  fullKey,
  identitiesOf,
  isRecipient,
  metaIdentityOf,
  newDataIdentity,
  publicGear,
  writeOnlyKey,
} from "../../src/vault/seal/keys.ts";
import { paperText } from "../../src/vault/seal/paper.ts";
import { openKeyFile, sealKeyFile } from "../../src/vault/seal/passphrase.ts";
import { noise, random, sha256, VAULT } from "../support/units.ts";

const LABEL = { vault: VAULT, name: "me", created: "2026-11-20T22:05:11.123Z" };
/** Secret bytes 0, 1, 2 ... 31. */
const COUNTING = newDataIdentity((bytes) => Uint8Array.from({ length: bytes }, (_, i) => i));

Deno.test("What follows from a secret never changes", async () => {
  strictEqual(COUNTING, "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SWRYDWG");
  const key = await fullKey(COUNTING);
  // By Python's hmac and age-keygen.
  deepStrictEqual({ ...key, auth: sha256(key.auth), gear: sha256(new Uint8Array(key.gear.buffer)) }, {
    dataIdentity: COUNTING,
    dataRecipient: "age13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wh",
    metaIdentity: "AGE-SECRET-KEY-1NL7ZEGY37UZ9KT5CMTRYRTU2DNR7A0D5N5JVN6EWWKF6T3QWUR0QGU7KEV",
    metaRecipient: "age1z9hx673rzr6g3an7xm4ck3w2mu5df4veun8eghcfd6cdrnuamyaqqvzkx7",
    auth: "082c2f628a31b51678d69102d55d5fa3a7e933108f13c3a687458c192e3294b3",
    gear: "1432805d848030e500c60318829441d2f7a8e7a1939cf66da81080f6d44e52cd",
  });
  deepStrictEqual([key.gear[0], key.gear[255]], [1939952172, 1234013386]);
  const known = sha256(new Uint8Array(publicGear().buffer));
  strictEqual(known, "ec57abfcf47a3692d80f9059ee2e8ac523e36732aaa99db48d10eb71ec25b56a");
});

Deno.test("A write-only key is what is left without the data identity", async () => {
  const full = await fullKey(COUNTING), { dataIdentity: _, ...rest } = full;
  const writeOnly = await writeOnlyKey(full.metaIdentity, full.dataRecipient);
  deepStrictEqual(writeOnly, rest);
  deepStrictEqual(identitiesOf(full), [full.dataIdentity, full.metaIdentity]);
  deepStrictEqual(identitiesOf(writeOnly), [full.metaIdentity]);
});

Deno.test("Vaults don't share gear tables; that of those without encryption is known to all", async () => {
  notStrictEqual(
    sha256(new Uint8Array((await fullKey(COUNTING)).gear.buffer)),
    sha256(new Uint8Array(publicGear().buffer)),
  );
  strictEqual(publicGear().length, 256);
  strictEqual(new Set(publicGear()).size, 256);
});

Deno.test("A key file is read again, full and write-only, and says which vault it is for", async () => {
  const full = await fullKey(newDataIdentity(random)),
    writeOnly = await writeOnlyKey(full.metaIdentity, full.dataRecipient);
  for (const key of [full, writeOnly]) {
    const text = encodeKeyFile(key, LABEL);
    deepStrictEqual(await parseKeyFile(text), key);
    deepStrictEqual(await parseKeyFile(text.replaceAll("\n", "\r\n")), key);
    strictEqual(vaultOfKeyFile(text), VAULT);
    ok(text.includes('key "me", 2026-11-20.'));
  }
  ok(!encodeKeyFile(writeOnly, LABEL).includes(full.dataIdentity!));
});

Deno.test("A name can't add a line to a key file", async () => {
  const key = await fullKey(COUNTING), text = encodeKeyFile(key, { ...LABEL, name: `x"\nAGE-SECRET-KEY-1` });
  strictEqual(text.split("\n").length, 4);
  deepStrictEqual(await parseKeyFile(text), key);
});

Deno.test("Paper is read as it is, and typed by hand in groups, lower case and with line breaks", async () => {
  const key = await fullKey(COUNTING), paper = await paperText(key, LABEL);
  deepStrictEqual(await parseKeyFile(paper), key);
  const groups = [...paper.matchAll(/^# {3}(AGE-.*)$/gm)].map(([, line = ""]) => line);
  strictEqual(groups.length, 2);
  deepStrictEqual(await parseKeyFile(groups.join("\n").toLowerCase().replaceAll(" ", "\n ")), key);
  deepStrictEqual(await parseKeyFile(groups[0]!), key);
});

Deno.test("A wrong character anywhere, missing or additional ones, and keys that don't belong together are refused", async () => {
  const meta = metaIdentityOf(COUNTING), other = newDataIdentity(random);
  for (let at = 0; at < COUNTING.length; at += 5) {
    const wrong = COUNTING.slice(0, at) + (COUNTING[at] === "Q" ? "P" : "Q") + COUNTING.slice(at + 1);
    await rejects(() => parseKeyFile(wrong), BadKeyFile, `character ${at}`);
  }
  const bad = [
    "",
    "# nothing",
    "hello",
    COUNTING.slice(1),
    COUNTING.slice(0, -1),
    `${COUNTING}Q`,
    `${COUNTING}\n${COUNTING}`,
  ];
  bad.push(
    `${other}\n${meta}`,
    `${COUNTING}\n${meta}\n${meta}`,
    `${meta}\n${COUNTING}`,
    `AGE-SECRET-KEY-1${"B".repeat(58)}`,
  );
  for (const text of bad) await rejects(() => parseKeyFile(text), BadKeyFile, text);
  await rejects(() => parseKeyFile(`# data-recipient: age1nothing\n${meta}`), BadKeyFile);
  throws(() => metaIdentityOf("AGE-SECRET-KEY-PQ-1QQQQ"), BadKeyFile);
  strictEqual(isRecipient((await fullKey(COUNTING)).dataRecipient), true);
  strictEqual(isRecipient(COUNTING), false);
});

Deno.test("keys/: the right passphrase opens, another doesn't, and what asks for too much memory is not tried", async () => {
  const text = encodeKeyFile(await fullKey(COUNTING), LABEL), sealed = await sealKeyFile(text, "four random words", 10);
  strictEqual(await openKeyFile(sealed, "four random words", "keys/x"), text);
  await rejects(() => openKeyFile(sealed, "four random word", "keys/x"), WrongPassphrase);
  const header = new TextDecoder("latin1").decode(sealed);
  const greedy = Uint8Array.from(header.replace(/^(-> scrypt \S+) 10$/m, "$1 30"), (c) => c.charCodeAt(0));
  await rejects(() => openKeyFile(greedy, "four random words", "keys/x"), BeyondLimit);
  await rejects(() => openKeyFile(noise(100, 1), "x", "keys/x"), DamagedObject);
  const cut = sealed.slice(0, -1);
  await rejects(() => openKeyFile(cut, "four random words", "keys/x"), BadKeyFile);
  await rejects(() => openKeyFile(new Uint8Array(70_000), "x", "keys/x"), BeyondLimit);
});

Deno.test("The code on the paper has ink where the modules of a QR code of both lines are dark", async () => {
  const key = await fullKey(COUNTING), paper = await paperText(key, LABEL);
  const { data, size } = encode(`${key.dataIdentity}\n${key.metaIdentity}`, { border: 4 });
  const lines: string[] = [];
  for (let y = 0; y < size; y += 2) {
    const halves = data[y]!.map((isDark, x) => " ▀▄█"[Number(isDark) + 2 * Number(data[y + 1]?.[x] ?? false)]);
    lines.push(`# ${halves.join("")}`.trimEnd());
  }
  ok(lines.length > 20 && paper.includes(lines.join("\n")), paper);
});
