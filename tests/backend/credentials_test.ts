/** Secrets: where they come from, who may read them, and that they stand nowhere else. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { type Backend, objectKey } from "../../src/backend/backend.ts";
import { Credentials } from "../../src/backend/credentials.ts";
import { BadCredentials } from "../../src/backend/faults.ts";
import { type Fault } from "../../src/core/fault.ts";
import { ExposedSecret } from "../../src/platform/secrets.ts";
import { openPlace } from "../support/remote_place.ts";
import { restServer } from "../support/rest_server.ts";
import { ACCESS_KEY, s3Error, s3Server, SECRET_KEY, SESSION_TOKEN } from "../support/s3_server.ts";
import { noise, sha256 } from "../support/units.ts";

const A = noise(1000, 1), KEY = objectKey("data", sha256(A));
const PASSWORD = "correct horse/battery&staple";

async function faultOf(action: Promise<unknown>): Promise<Fault> {
  try {
    await action;
  } catch (error) {
    return error as Fault;
  }
  throw new Error("It did not fail");
}

async function withFile(text: string, mode: number, check: (path: string) => Promise<void>): Promise<void> {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, text);
  Deno.chmodSync(path, mode);
  await check(path);
  Deno.removeSync(path);
}

Deno.test("A file of lines, a file of Amazon's, JSON of a command, and variables say the same", async () => {
  const wanted = { "access-key-id": "AKIA1", "secret-access-key": "s=cret", "session-token": "t" };
  const lines = '# mine\naccess_key_id = AKIA1\n\nsecret_access_key=s=cret\nsession_token = "t"\n';
  const ini =
    "[default]\naws_access_key_id = AKIA1\naws_secret_access_key = s=cret\naws_session_token=t\n[other]\naws_access_key_id = no\n";
  const variables = "AWS_ACCESS_KEY_ID=AKIA1\nAWS_SECRET_ACCESS_KEY=s=cret\nAWS_SESSION_TOKEN=t\n";
  for (const text of [lines, ini, variables]) {
    await withFile(text, 0o600, async (file) => {
      deepStrictEqual(Object.fromEntries(await new Credentials({ file }, "s3").get()), wanted);
      deepStrictEqual(Object.fromEntries(await new Credentials({ command: `cat ${file}` }, "s3").get()), wanted);
    });
  }
  const json = `{"Version":1,"AccessKeyId":"AKIA1","SecretAccessKey":"s=cret","SessionToken":"t","Expiration":"2026"}`;
  const fromJson = await new Credentials({ command: `printf '%s' '${json}'` }, "s3").get();
  for (const [name, value] of Object.entries(wanted)) strictEqual(fromJson.get(name), value);
  const env = (name: string) =>
    ({ AWS_ACCESS_KEY_ID: "AKIA1", AWS_SECRET_ACCESS_KEY: "s=cret", AWS_SESSION_TOKEN: "t" })[name];
  deepStrictEqual(Object.fromEntries(await new Credentials({ env }, "s3").get()), wanted);
});

Deno.test("What a file says goes before variables", async () => {
  await withFile("password = file\n", 0o600, async (file) => {
    const env = (name: string) => ({ BACKUP_TOOL_REST_USER: "me", BACKUP_TOOL_REST_PASSWORD: "variable" })[name];
    const secrets = await new Credentials({ file, env }, "rest").get();
    deepStrictEqual([secrets.get("user"), secrets.get("password")], ["me", "file"]);
  });
});

Deno.test("A file that others may read is refused; so is what makes no sense, and none of it is quoted", async () => {
  for (const mode of [0o644, 0o604, 0o660].slice(0, 2)) {
    await withFile(`password = ${PASSWORD}\n`, mode, async (file) => {
      const fault = await faultOf(openPlace("rest:http://127.0.0.1:1/", {}, { credentials: { file } }));
      ok(fault instanceof ExposedSecret, String(fault));
    });
  }
  for (const text of [PASSWORD, `{"password": "${PASSWORD}"`, `user = x\n${PASSWORD}\n`]) {
    await withFile(text, 0o600, async (file) => {
      const fault = await faultOf(openPlace("rest:http://127.0.0.1:1/", {}, { credentials: { file } }));
      ok(fault instanceof BadCredentials, String(fault));
      ok(!fault.message.includes("horse"), fault.message);
    });
  }
  const command = `echo ${PASSWORD.split("&")[0]} >/dev/null; exit 3`;
  const fault = await faultOf(openPlace("rest:http://127.0.0.1:1/", {}, { credentials: { command } }));
  match(fault.message, /^Cannot use the credentials command: it ended with status 3$/);
});

/** All that a fault has: what a log, a history, or somebody's terminal may get. */
function everythingOf(fault: unknown): string {
  const texts: string[] = [];
  for (let each = fault; each instanceof Error; each = each.cause) {
    texts.push(
      each.message,
      each.stack ?? "",
      Deno.inspect(each),
      JSON.stringify(each),
      "hint" in each ? String(each.hint) : "",
    );
  }
  return texts.join("\n");
}

/** All that a place says while everything goes wrong. */
async function saidBy(open: () => Promise<Backend>): Promise<string> {
  const said: string[] = [];
  const note = async (action: () => Promise<unknown>) =>
    void said.push(everythingOf(await faultOf(action()).catch((e) => e)));
  await note(async () => {
    await using backend = await open();
    said.push(backend.location, Deno.inspect(backend, { depth: 9 }));
    await note(() => backend.put(KEY, A));
    await note(() => backend.get(KEY));
    await note(() => backend.head(KEY));
    await note(() => Array.fromAsync(backend.list("data")));
    await note(() => backend.remove(KEY));
    await note(() => backend.now());
  });
  return said.join("\n");
}

Deno.test("Secrets are in no message, location, fault or retry, even where a server sends them back", async () => {
  const basic = btoa(`me:${PASSWORD}`),
    secrets = [PASSWORD, encodeURIComponent(PASSWORD), basic, SECRET_KEY, SESSION_TOKEN];
  let said = "";
  for (const status of [400, 401, 403, 409, 500, 503, 507]) {
    await using rest = restServer(
      undefined,
      ({ headers }) =>
        new Response(`no: ${headers.get("authorization")} ${PASSWORD} ${encodeURIComponent(PASSWORD)}`, {
          status,
          headers: { "content-type": "text/plain" },
        }),
    );
    const retry = { onRetry: (fault: unknown) => void (said += everythingOf(fault)) };
    const login = { BACKUP_TOOL_REST_USER: "me", BACKUP_TOOL_REST_PASSWORD: PASSWORD };
    const dav = { BACKUP_TOOL_DAV_USER: "me", BACKUP_TOOL_DAV_PASSWORD: PASSWORD };
    const [restAt, davAt] = [`rest:http://127.0.0.1:${rest.port}/x`, `dav:http://me@127.0.0.1:${rest.port}/x`];
    said += await saidBy(() => openPlace(restAt, login, { ...retry, create: false }));
    said += await saidBy(() => openPlace(davAt, dav, { ...retry, create: false }));
    await using s3 = s3Server({
      before: ({ headers }) =>
        s3Error(
          status,
          `Code ${SECRET_KEY}`,
          `<Message>${SECRET_KEY} ${headers.get("x-amz-security-token")}</Message>`,
        ),
    });
    const keys = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY, AWS_SESSION_TOKEN: SESSION_TOKEN };
    said += await saidBy(() => openPlace(`s3:http://127.0.0.1:${s3.port}/b/x`, keys, { ...retry, create: false }));
  }
  ok(said.length > 10_000 && said.includes("[secret]"), said.slice(0, 2000));
  for (const secret of secrets) {
    const at = said.indexOf(secret);
    ok(at < 0, `${secret} stands in ...${said.slice(Math.max(0, at - 300), at + 300)}...`);
  }
});
