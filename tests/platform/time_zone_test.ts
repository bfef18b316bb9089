import { ok, strictEqual } from "node:assert/strict";
import { timeZone } from "../../src/platform/time_zone.ts";

/** What the runtime says by itself. */
const OWN = Intl.DateTimeFormat().resolvedOptions().timeZone;

function zoneOf(link: string | undefined, tz?: string): string {
  return timeZone(tz, (path) => path === "/etc/localtime" ? link : undefined);
}

Deno.test("the time zone is that of the file that the system's link names", () => {
  strictEqual(zoneOf("/usr/share/zoneinfo/Europe/Berlin"), "Europe/Berlin");
  strictEqual(zoneOf("../usr/share/zoneinfo/America/Argentina/Buenos_Aires"), "America/Argentina/Buenos_Aires");
  strictEqual(zoneOf("/var/db/timezone/zoneinfo/Europe/Zurich"), "Europe/Zurich");
  strictEqual(zoneOf("/usr/share/zoneinfo/Etc/GMT+5"), "Etc/GMT+5");
  strictEqual(zoneOf("/usr/share/zoneinfo/Etc/UTC"), "UTC");
});

Deno.test("where no link names a zone, or TZ is set, the runtime is asked", () => {
  strictEqual(zoneOf(undefined), OWN);
  strictEqual(zoneOf("/etc/my-own-zone"), OWN);
  strictEqual(zoneOf("/usr/share/zoneinfo/../../../tmp/x"), OWN);
  strictEqual(zoneOf("/usr/share/zoneinfo/Europe/Berlin", "Asia/Tokyo"), OWN);
});

Deno.test("every zone that the runtime knows is a name that a link may give", () => {
  const zones = Intl.supportedValuesOf("timeZone").filter((zone) => zone.includes("/"));
  ok(zones.length > 300);
  for (const zone of zones) strictEqual(zoneOf(`/usr/share/zoneinfo/${zone}`), zone);
});
