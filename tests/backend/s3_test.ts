/** S3: what its errors mean, which headers go with objects, and how it is found. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { hash } from "node:crypto";
import { CONFIG, objectKey } from "../../src/backend/backend.ts";
import { MissingObject, PlaceFull, PlaceRefuses, PlaceUnavailable } from "../../src/backend/faults.ts";
import { BadUsage, type Fault } from "../../src/core/fault.ts";
import { parseLocation, type S3Place } from "../../src/backend/location.ts";
import { S3Address } from "../../src/backend/s3_address.ts";
import { impatient, openPlace } from "../support/remote_place.ts";
import {
  ACCESS_KEY,
  s3Error,
  type S3Options,
  type S3Server,
  s3Server,
  SECRET_KEY,
  SESSION_TOKEN,
} from "../support/s3_server.ts";
import { noise, sha256 } from "../support/units.ts";

const A = noise(1000, 1), KEY = objectKey("data", sha256(A));
const LOGIN = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };

async function faultOf(action: Promise<unknown>): Promise<Fault> {
  try {
    await action;
  } catch (error) {
    return error as Fault;
  }
  throw new Error("It did not fail");
}

const at = ({ port }: S3Server, rest = "bucket/vault") => `s3:http://127.0.0.1:${port}/${rest}`;

/** What a GET comes to where every GET is answered so; how often it was asked. */
async function answering(before: NonNullable<S3Options["before"]>): Promise<{ fault: Fault; asked: number }> {
  await using server = s3Server({ before: (request) => request.method === "GET" ? before(request) : undefined });
  await using backend = await openPlace(at(server), LOGIN);
  const fault = await faultOf(backend.get(KEY));
  return { fault, asked: server.requests.filter(({ method }) => method === "GET").length };
}

Deno.test("Errors by their codes: what may pass is tried again, the rest says what to do", async () => {
  for (
    const [status, code, kind, words, asked] of [
      [503, "SlowDown", PlaceUnavailable, /SlowDown, "It is SlowDown"/, 5],
      [400, "RequestTimeout", PlaceUnavailable, /RequestTimeout/, 5],
      [200, "InternalError", PlaceUnavailable, /InternalError/, 5],
      [403, "QuotaExceeded", PlaceFull, /QuotaExceeded/, 1],
      [403, "AccessDenied", PlaceRefuses, /does not allow it/, 1],
      [403, "SignatureDoesNotMatch", PlaceRefuses, /the secret key does not fit/, 1],
      [403, "InvalidAccessKeyId", PlaceRefuses, /does not know the access key/, 1],
      [400, "ExpiredToken", PlaceRefuses, /the credentials have expired/, 1],
      [403, "InvalidObjectState", PlaceRefuses, /moved to an archive/, 1],
      [404, "NoSuchKey", MissingObject, /not there/, 1],
    ] as const
  ) {
    const result = await answering(() => s3Error(status, code));
    ok(result.fault instanceof kind, `${code}: ${result.fault}`);
    match(result.fault.message, words);
    strictEqual(result.asked, asked, code);
  }
});

Deno.test("A clock that is off is said, and by how much; also where HEAD has no words", async () => {
  const there = () => new Date(Date.now() - 42 * 60_000).toUTCString();
  const skewed = ({ method }: { method: string }) =>
    method === "HEAD"
      ? new Response(null, { status: 403, headers: { date: there() } })
      : s3Error(403, "RequestTimeTooSkewed", "", { date: there() });
  await using server = s3Server({ before: skewed });
  await using backend = await openPlace(at(server), LOGIN, { create: false });
  for (const action of [() => backend.get(KEY), () => backend.head(KEY)]) {
    const fault = await faultOf(action());
    ok(fault instanceof PlaceRefuses, String(fault));
    match(fault.message, /the clock of this machine is 42 min ahead of the server's/);
    match(fault.hint, /Set this machine's clock/);
  }
});

Deno.test("An error in an answer that says that all is well is no success", async () => {
  await using server = s3Server({
    before: ({ method }) => method === "PUT" ? s3Error(200, "InternalError") : undefined,
  });
  await using backend = await openPlace(at(server), LOGIN);
  await rejects(backend.put(KEY, A), PlaceUnavailable);
  strictEqual(server.objects.size, 0);
});

Deno.test("A listing that ends in the middle is no listing", async () => {
  const cut = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
  for (const body of [cut, "<ListBucketResult><Contents><Key>", "<html></html>", ""]) {
    await using server = s3Server({ before: ({ method }) => method === "GET" ? new Response(body) : undefined });
    await using backend = await openPlace(at(server), LOGIN);
    await rejects(Array.fromAsync(backend.list("data")), PlaceUnavailable, body);
  }
});

Deno.test("A part is a part, also if the server calls it all", async () => {
  const part = (from: number, body: Uint8Array<ArrayBuffer>) =>
    new Response(body, { headers: { "content-range": `bytes ${from}-${from + body.length - 1}/${A.length}` } });
  let from = 0;
  await using server = s3Server({
    before: ({ method }) => method === "GET" ? part(from, A.slice(from, from + 10)) : undefined,
  });
  await using backend = await openPlace(at(server), LOGIN);
  for (from of [0, 100, A.length - 10]) {
    deepStrictEqual(await backend.get(KEY, { range: { from, length: 10 } }), A.slice(from, from + 10));
  }
  await rejects(backend.get(KEY, { range: { from: 5, length: 10 } }), PlaceUnavailable);
  from = 0;
  await rejects(backend.get(KEY), PlaceUnavailable);
});

Deno.test("Bytes that were changed on their way are refused by the server, and sent again", async () => {
  let isFirst = true;
  await using server = s3Server({
    before: ({ method }) => {
      if (method !== "PUT" || !isFirst) return undefined;
      isFirst = false;
      return s3Error(400, "XAmzContentSHA256Mismatch");
    },
  });
  await using backend = await openPlace(at(server), LOGIN);
  strictEqual(await backend.put(KEY, A), "stored");
});

Deno.test("A storage class is for data alone, retention for all but locks", async () => {
  await using server = s3Server();
  const settings = "?storage-class=STANDARD_IA&retention=30d&retention-mode=compliance";
  await using backend = await openPlace(at(server) + settings, LOGIN);
  const lock = objectKey("locks", sha256(A));
  for (const key of [KEY, CONFIG, lock]) await backend.put(key, A);
  const [data, config, locks] = server.requests.filter(({ method }) => method === "PUT").map(({ headers }) => headers);
  strictEqual(data?.get("x-amz-storage-class"), "STANDARD_IA");
  strictEqual(data?.get("x-amz-object-lock-mode"), "COMPLIANCE");
  strictEqual(data?.get("content-md5"), hash("md5", A, "base64"));
  const days = (Date.parse(data?.get("x-amz-object-lock-retain-until-date") ?? "") - Date.now()) / 86_400_000;
  ok(Math.abs(days - 30) < 0.1, String(days));
  deepStrictEqual([config?.get("x-amz-storage-class"), locks?.get("x-amz-object-lock-mode")], [null, null]);
  strictEqual(config?.get("x-amz-object-lock-mode"), "COMPLIANCE");
  for (const wrong of ["retention=x", "retention=0d", "retention=3d&retention-mode=x", "style=x", "color=red"]) {
    await rejects(openPlace(`${at(server)}?${wrong}`, LOGIN), BadUsage);
  }
});

Deno.test("The server says in which region a bucket is, and is believed", async () => {
  await using server = s3Server({ region: "eu-west-3" });
  await using backend = await openPlace(at(server), LOGIN);
  strictEqual(await backend.put(KEY, A), "stored");
  // Learnt once.
  const asked = server.requests.length;
  strictEqual(await backend.head(KEY), A.length);
  strictEqual(server.requests.length, asked + 1);
});

Deno.test("Session tokens go along; without keys nothing is sent", async () => {
  await using server = s3Server();
  await using backend = await openPlace(at(server), { ...LOGIN, AWS_SESSION_TOKEN: SESSION_TOKEN });
  await backend.put(KEY, A);
  ok(server.requests.every(({ headers }) => headers.get("x-amz-security-token") === SESSION_TOKEN));
  const asked = server.requests.length;
  const fault = await faultOf(openPlace(at(server), {}));
  ok(fault instanceof PlaceRefuses, String(fault));
  match(fault.hint, /AWS_ACCESS_KEY_ID/);
  strictEqual(server.requests.length, asked);
});

Deno.test("Credentials that expire are asked for again, once", async () => {
  const directory = Deno.makeTempDirSync(), count = `${directory}/count`;
  const command = `echo x >> ${count}; echo '{"Version": 1, "AccessKeyId": "${ACCESS_KEY}", ` +
    `"SecretAccessKey": "${SECRET_KEY}", "SessionToken": "'$(wc -l < ${count} | tr -d ' ')'-session"}'`;
  await using server = s3Server({
    before: ({ headers, method }) =>
      headers.get("x-amz-security-token") === "1-session" && method !== "HEAD"
        ? s3Error(400, "ExpiredToken")
        : undefined,
  });
  await using backend = await openPlace(at(server), {}, { credentials: { command }, clock: impatient });
  strictEqual(await backend.put(KEY, A), "stored");
  strictEqual(Deno.readTextFileSync(count), "x\nx\n");
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("Credentials that expire in the middle of many uploads are asked for once for all of them", async () => {
  const directory = Deno.makeTempDirSync(), count = `${directory}/count`, valid = `${directory}/valid`;
  Deno.writeTextFileSync(valid, "1-session");
  const command = `echo x >> ${count}; echo '{"AccessKeyId": "${ACCESS_KEY}", "SecretAccessKey": "${SECRET_KEY}", ` +
    `"SessionToken": "'$(cat ${valid})'"}'`;
  let puts = 0;
  await using server = s3Server({
    before({ headers, method }) {
      // From the third upload on, only another token is good.
      if (method === "PUT" && ++puts === 3) Deno.writeTextFileSync(valid, "2-session");
      const isGood = headers.get("x-amz-security-token") === Deno.readTextFileSync(valid);
      return isGood ? undefined : s3Error(403, "ExpiredToken");
    },
  });
  await using backend = await openPlace(at(server), {}, { credentials: { command }, clock: impatient });
  const bodies = Array.from({ length: 12 }, (_, i) => noise(1000, i + 1));
  const put = (body: Uint8Array<ArrayBuffer>) => backend.put(objectKey("data", sha256(body)), body, { isFresh: true });
  deepStrictEqual(new Set(await Promise.all(bodies.map(put))), new Set(["stored"]));
  strictEqual(server.objects.size, 12);
  strictEqual(Deno.readTextFileSync(count), "x\nx\n");
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("Credentials that can't be renewed end the run with what the server says, not with a loop", async () => {
  await using server = s3Server({ before: () => s3Error(403, "ExpiredToken") });
  const directory = Deno.makeTempDirSync(), count = `${directory}/count`;
  const command = `echo x >> ${count}; echo '{"AccessKeyId": "${ACCESS_KEY}", "SecretAccessKey": "${SECRET_KEY}"}'`;
  const credentials = { command };
  await using backend = await openPlace(at(server), {}, { create: false, credentials, clock: impatient });
  const fault = await faultOf(backend.get(KEY));
  match(fault.message, /the credentials have expired/);
  strictEqual(Deno.readTextFileSync(count), "x\nx\n");
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("Whoever may only store stores", async () => {
  await using server = s3Server({
    before: ({ method }) => method === "PUT" ? undefined : s3Error(403, "AccessDenied"),
  });
  await using backend = await openPlace(at(server), LOGIN, { create: false });
  strictEqual(await backend.put(KEY, A), "stored");
  await rejects(backend.put(KEY, A), PlaceRefuses);
});

Deno.test("Addresses: in the path or in the host, regions, dots, spaces", () => {
  const address = (location: string) => new S3Address(parseLocation(location) as S3Place, undefined);
  for (
    const [location, url, region] of [
      ["s3:bucket/a", "https://bucket.s3.amazonaws.com/a/k", "us-east-1"],
      ["s3:bucket/a?region=eu-west-1", "https://bucket.s3.eu-west-1.amazonaws.com/a/k", "eu-west-1"],
      ["s3:s3.eu-central-1.amazonaws.com/bucket", "https://bucket.s3.eu-central-1.amazonaws.com/k", "eu-central-1"],
      ["s3:my.bucket/a", "https://s3.amazonaws.com/my.bucket/a/k", "us-east-1"],
      ["s3:https://nas:9000/bucket/a b/", "https://nas:9000/bucket/a%20b/k", "us-east-1"],
      ["s3:https://[::1]:9000/bucket", "https://[::1]:9000/bucket/k", "us-east-1"],
      ["s3:https://x.example/b?style=host", "https://b.x.example/k", "us-east-1"],
      ["s3:https://s3.us-west-004.backblazeb2.com/b", "https://s3.us-west-004.backblazeb2.com/b/k", "us-west-004"],
    ] as const
  ) {
    strictEqual(address(location).urlOf("k").href, url);
    strictEqual(address(location).signedRegion, region, location);
  }
});
