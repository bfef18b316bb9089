/** Requests of which only the status counts: they go to the address that was looked at, and to no other. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { httpPost, type PostTerms } from "../../src/backend/http_post.ts";
import { selfSigned } from "../../src/server/front/self_signed.ts";
import { systemRandom } from "../../src/platform/system.ts";
import { systemClock } from "../../src/platform/system_clock.ts";
import { WebHook } from "../support/web_hook.ts";

const HEADERS = { "content-type": "text/plain" };

function terms(...addresses: readonly string[]): PostTerms {
  return { clock: systemClock, timeoutMs: 20_000, resolve: () => Promise.resolve(addresses) };
}

function to(url: string) {
  return { url: new URL(url), headers: HEADERS, body: "news" };
}

Deno.test("A request goes to the address that was looked at: the name isn't resolved once more", async () => {
  await using hook = new WebHook();
  const port = hook.host.split(":")[1];
  deepStrictEqual(await httpPost(to(`http://rebound.invalid:${port}/x?y`), terms("127.0.0.1")), { status: 200 });
  deepStrictEqual(hook.received.map(({ method, path, body, headers }) => [method, path, body, headers.get("host")]), [
    ["POST", "/x?y", "news", `rebound.invalid:${port}`],
  ]);
});

Deno.test("Of several addresses, the first one that answers is taken; one of the link forbids all", async () => {
  await using hook = new WebHook();
  const url = `http://several.invalid:${hook.host.split(":")[1]}/`;
  deepStrictEqual(await httpPost(to(url), terms("127.0.0.3", "127.0.0.1")), { status: 200 });
  strictEqual(await httpPost(to(url), terms("127.0.0.3")), "no-answer");
  for (const address of ["169.254.169.254", "fe80::1"]) {
    strictEqual(await httpPost(to(url), terms("127.0.0.1", address)), "forbidden");
  }
  strictEqual(hook.received.length, 1);
});

Deno.test("A name that nobody knows is no answer", async () => {
  const failure = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
  const unknown = { ...terms(), resolve: () => Promise.reject(failure) };
  strictEqual(await httpPost(to("http://nobody.invalid/"), unknown), "no-answer");
});

Deno.test("The certificate has to be one that is trusted, and that of the name", async () => {
  const { cert, key } = await selfSigned(["secure.invalid"], Date.now(), systemRandom), paths: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", cert, key, onListen: () => {} }, ({ url }) => {
    paths.push(new URL(url).pathname);
    return new Response("ok");
  });
  const url = `https://secure.invalid:${server.addr.port}/untrusted`;
  strictEqual(await httpPost(to(url), terms("127.0.0.1")), "no-answer");
  deepStrictEqual(paths, []);
  await server.shutdown();
});

Deno.test("What would begin another header, or another request, isn't sent", async () => {
  await using hook = new WebHook();
  for (const value of ["a\r\nx: y", "a\nb", "\u0394"]) {
    const post = { ...to(`http://${hook.host}/`), headers: { title: value } };
    strictEqual(await httpPost(post, terms("127.0.0.1")), "no-answer");
  }
  strictEqual(await httpPost(to(`http://user:secret@${hook.host}/`), terms("127.0.0.1")), "no-answer");
  strictEqual(hook.received.length, 0);
});

Deno.test("The status counts, also behind an interim one; an answer without one is none", async () => {
  const answers = {
    "HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n": { status: 204 },
    "HTTP/1.0 503 \r\n\r\n": { status: 503 },
    "SSH-2.0-OpenSSH_9.2\r\n": "no-answer",
    "HTTP/1.1 2": "no-answer",
    "": "no-answer",
  };
  for (const [answer, expected] of Object.entries(answers)) {
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const answering = (async () => {
      using connection = await listener.accept();
      await connection.read(new Uint8Array(4096));
      await connection.write(new TextEncoder().encode(answer));
    })();
    const outcome = await httpPost(to(`http://words.invalid:${listener.addr.port}/`), terms("127.0.0.1"));
    await answering;
    listener.close();
    deepStrictEqual(outcome, expected, answer);
  }
});
