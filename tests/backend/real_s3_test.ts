/** What only an S3 server that somebody else wrote can show: real_s3.ts says which. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { AwsClient } from "aws4fetch";
import { type Backend, objectKey } from "../../src/backend/backend.ts";
import { PlaceRefuses } from "../../src/backend/faults.ts";
import { childText, elementsNamed, parseXml } from "../../src/backend/xml.ts";
import { impatient, openPlace } from "../support/remote_place.ts";
import { HAS_REAL_S3, type RealS3, realS3 } from "../support/real_s3.ts";
import { noise, sha256 } from "../support/units.ts";

const NO_SERVER: RealS3 = { location: "", port: 0, path: "", variables: {} };
const s3 = HAS_REAL_S3 ? await realS3() : NO_SERVER;
const A = noise(1000, 1), KEY = objectKey("data", sha256(A));
let places = 0;

const client = () =>
  new AwsClient({
    accessKeyId: s3.variables["AWS_ACCESS_KEY_ID"] ?? "",
    secretAccessKey: s3.variables["AWS_SECRET_ACCESS_KEY"] ?? "",
    service: "s3",
    region: "us-east-1",
  });

function testS3(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `a real S3 server: ${name}`, ignore: !HAS_REAL_S3, fn });
}

function newPlace(changes: Parameters<typeof openPlace>[2] = {}, more: Readonly<Record<string, string>> = {}) {
  return openPlace(`${s3.location}/real${places++}`, { ...s3.variables, ...more }, changes);
}

async function refusal(action: Promise<unknown>): Promise<PlaceRefuses> {
  const fault = await action.then(() => undefined, (error) => error);
  ok(fault instanceof PlaceRefuses, String(fault));
  return fault;
}

testS3("a list has several pages", async () => {
  await using backend = await newPlace({ connections: 16 });
  const names = Array.from({ length: 2100 }, (_, i) => sha256(noise(9, i))), hasNames = new Set<string>();
  await Promise.all(names.map((_, i) => backend.put(objectKey("index", sha256(noise(9, i))), noise(9, i))));
  for await (const { name, size } of backend.list("index")) {
    strictEqual(size, 9);
    hasNames.add(name);
  }
  deepStrictEqual([...hasNames].sort(), names.sort());
});

testS3("what two write at once is stored once, or is there", async () => {
  await using one = await newPlace();
  const results = await Promise.all(Array.from({ length: 8 }, () => one.put(KEY, A)));
  ok(results.includes("stored"), results.join());
  strictEqual(await one.put(KEY, A), "there");
  deepStrictEqual(await one.get(KEY), A);
});

testS3("a wrong secret, an unknown key and a clock that is off are told apart", async () => {
  for (
    const [more, options, words] of [
      [{ AWS_SECRET_ACCESS_KEY: "wrong" }, {}, /the secret key does not fit|SignatureDoesNotMatch/],
      [{ AWS_ACCESS_KEY_ID: "nobody" }, {}, /does not know the access key/],
      [{}, {
        clock: { ...impatient, nowMs: () => Date.now() + 42 * 60_000 },
      }, /the clock of this machine is 4[12] min ahead/],
    ] as const
  ) {
    const fault = await refusal((async () => {
      await using backend = await newPlace({ ...options, create: false }, more);
      await backend.get(KEY);
    })());
    match(fault.message, words);
  }
});

testS3(
  "a storage class that the server has is taken, and one that it doesn't have is refused with a hint",
  async () => {
    await using backend = await openPlace(`${s3.location}/class?storage-class=STANDARD`, s3.variables);
    strictEqual(await backend.put(KEY, A), "stored");
    await using other = await openPlace(`${s3.location}/other?storage-class=NO_SUCH_CLASS`, s3.variables);
    match((await refusal(other.put(KEY, A))).hint, /storage-class/);
  },
);

/** The versions of an object, whether deleted or not. */
async function versionsOf(bucket: string): Promise<string[]> {
  const answer = await client().fetch(`${bucket}?versions`);
  return [...elementsNamed(parseXml(await answer.text())!, "Version")].map((each) =>
    childText(each, "VersionId") ?? ""
  );
}

testS3(
  "object lock: what was deleted is hidden, its version is kept, and not even the owner can delete that",
  async () => {
    const bucket = `http://127.0.0.1:${s3.port}/locked-${crypto.randomUUID().slice(0, 8)}`;
    const headers = { "x-amz-bucket-object-lock-enabled": "true" };
    strictEqual((await emptied(client().fetch(bucket, { method: "PUT", headers, body: "" }))).status, 200);
    await using backend = await openPlace(`s3:${bucket}/vault?retention=1d&retention-mode=compliance`, s3.variables);
    strictEqual(await backend.put(KEY, A), "stored");
    strictEqual(await backend.put(KEY, A), "there");
    await backend.remove(KEY);
    strictEqual(await backend.head(KEY), undefined);
    const [version = ""] = await versionsOf(bucket), path = `${bucket}/vault/${pathOf(KEY)}?versionId=${version}`;
    strictEqual((await emptied(client().fetch(path, { method: "DELETE" }))).status, 403);
    const kept = await client().fetch(path);
    deepStrictEqual(new Uint8Array(await kept.arrayBuffer()), A);
  },
);

testS3("a bucket without object lock refuses retention, and says why", async () => {
  await using backend: Backend = await openPlace(`${s3.location}/unlocked?retention=1d`, s3.variables);
  match((await refusal(backend.put(KEY, A))).hint, /object lock/);
});

function pathOf(key: string): string {
  const [kind, name = ""] = key.split("/");
  return `${kind}/${name.slice(0, 2)}/${name}`;
}

async function emptied(answer: Promise<Response>): Promise<Response> {
  const response = await answer;
  await response.body?.cancel();
  return response;
}
