import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { isLinkLocal } from "../../src/backend/http_post.ts";
import { lateSeries } from "../../src/notify/late.ts";
import { mailMessage, webMessage } from "../../src/notify/messages.ts";
import { eventOf, textOfNotice, titleOf } from "../../src/notify/notice.ts";
import { parseAddress } from "../../src/notify/targets.ts";
import { FAILED } from "./sample.ts";

const TERMS = { detail: false, secret: undefined, nowMs: 1_800_000_000_500 };

Deno.test("addresses of each kind are what they stand for", () => {
  const url = (text: string) => {
    const address = parseAddress(text);
    return address.type === "mailto" ? address.to.join() : `${address.type} ${address.url}`;
  };
  strictEqual(url("ntfy://ntfy.example/topic"), "ntfy https://ntfy.example/topic");
  strictEqual(url("ntfy+http://nas:8080/topic"), "ntfy http://nas:8080/topic");
  strictEqual(url("gotify://host/sub/AbC.1-2"), "gotify https://host/sub/message");
  strictEqual(url("healthchecks+https://hc.example/ping/uuid"), "healthchecks https://hc.example/ping/uuid");
  strictEqual(url("webhook+https://h/x?key=1"), "webhook https://h/x?key=1");
  strictEqual(url("mailto:a@example.net,b@example.org"), "a@example.net,b@example.org");
});

Deno.test("an address that is none is refused, and not repeated: it may be a secret", () => {
  for (
    const text of [
      "https://secret.example/x",
      "ntfy://secret.example",
      "gotify://secret.example/",
      "file:///etc/secret",
      "webhook+ftp://secret/x",
      "mailto:secret",
      "mailto:secret@x%0d%0aBcc:y@z",
      "webhook+https://secret/\r\nx",
      "",
    ]
  ) throws(() => parseAddress(text), (error: Error) => !error.message.includes("secret"), text);
});

Deno.test("no names of files leave the house unless that is wanted", () => {
  const title = titleOf(FAILED);
  strictEqual(title, "nas: photos.json: failed");
  const brief = textOfNotice(FAILED, false), whole = textOfNotice(FAILED, true);
  ok(!brief.includes("private"), brief);
  ok(brief.includes("Error: disk") && brief.includes("2 problems (disk, changed)"), brief);
  ok(whole.includes("/private/a.jpg") && whole.includes("Cannot open"), whole);
  const body = (detail: boolean) => webMessage(parseWeb("webhook+https://h/x"), FAILED, { ...TERMS, detail }).body;
  ok(!body(false).includes("private"));
  ok(body(true).includes("/private/a.jpg"));
});

Deno.test("a webhook can tell who signed, and when", () => {
  const { headers, body } = webMessage(parseWeb("webhook+https://h/x"), FAILED, { ...TERMS, secret: "s3cret" });
  strictEqual(headers["x-timestamp"], "1800000000");
  const expected = createHmac("sha256", "s3cret").update(`1800000000.${body}`).digest("hex");
  strictEqual(headers["x-signature"], `sha256=${expected}`);
  const { event, problemCount, counts, text } = JSON.parse(body);
  deepStrictEqual([event, problemCount, counts], ["failed", 2, { readFiles: 7, readBytes: 4096 }]);
  ok(text.startsWith("nas: photos.json: failed in 1 min"), text);
});

Deno.test("healthchecks hears of the start, of failures, and of the rest", () => {
  const path = (event: "started" | "failed" | "damage" | "done" | "problems") =>
    webMessage(parseWeb("healthchecks+https://h/ping/u?rid=1"), { ...FAILED, event }, TERMS).url.href;
  deepStrictEqual(
    [path("started"), path("failed"), path("damage"), path("done"), path("problems")],
    ["/start", "/fail", "/fail", "", ""].map((end) => `https://h/ping/u${end}?rid=1`),
  );
});

Deno.test("nothing begins another line of a header or a subject", () => {
  const evil = { ...FAILED, subject: "a\r\nBcc: x\nß" };
  const { headers } = webMessage(parseWeb("ntfy://h/t"), evil, { ...TERMS, secret: "tk" });
  strictEqual(headers["authorization"], "Bearer tk");
  ok(headers["title"]?.startsWith("=?UTF-8?B?"), headers["title"]);
  new Headers(headers); // throws for what is none
  const { subject } = mailMessage({ to: ["a@b"], subject: "NAS" }, evil, TERMS);
  strictEqual(subject, "NAS: nas: a Bcc: x ß: failed");
});

Deno.test("gotify is told with the token of the application", () => {
  const { url, headers, body } = webMessage(parseWeb("gotify://h/tok"), FAILED, TERMS);
  deepStrictEqual([url.href, headers["x-gotify-key"], JSON.parse(body).priority], ["https://h/message", "tok", 8]);
});

Deno.test("damage is told as such, whatever the outcome", () => {
  strictEqual(eventOf("problems", [{ code: "damaged-content", message: "", hint: "" }]), "damage");
  strictEqual(eventOf("problems", [{ code: "disk", message: "", hint: "" }, undefined]), "problems");
});

Deno.test("addresses of the link alone are known in every notation", () => {
  const local = ["169.254.169.254", "::ffff:169.254.1.1", "::ffff:a9fe:a9fe", "fe80::1", "FEBF::1"];
  const others = ["192.168.1.1", "10.0.0.1", "127.0.0.1", "::1", "fd00::1", "169.25.4.1", "fec0::1"];
  deepStrictEqual([...local, ...others].map(isLinkLocal), [...local.map(() => true), ...others.map(() => false)]);
});

Deno.test("a series is late when its newest complete snapshot is too old, or when it has none", () => {
  const nowMs = Date.UTC(2026, 0, 10), hour = 3_600_000;
  const made = (host: string, name: string, hours: number, complete = true) => ({
    host,
    name,
    complete,
    time: new Date(nowMs - hours * hour).toISOString(),
  });
  const snapshots = [made("a", "photos", 30), made("b", "photos", 5), made("a", "docs", 1, false)];
  const late = (expected: Record<string, number>) =>
    lateSeries(expected, snapshots, nowMs).map(({ subject }) => subject);
  deepStrictEqual(late({ photos: 26 * hour }), []);
  deepStrictEqual(late({ "a:photos": 26 * hour, "b:photos": 26 * hour }), ["a:photos"]);
  deepStrictEqual(late({ docs: 26 * hour, none: hour }), ["docs", "none"]);
});

function parseWeb(text: string) {
  const address = parseAddress(text);
  if (address.type === "mailto") throw new Error("no web address");
  return address;
}
