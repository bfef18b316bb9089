/** All help topics. A new one is a Markdown file beside the code, its import, and its place in the list. */
import changes from "./changes.md" with { type: "text" };
import checking from "./checking.md" with { type: "text" };
import configuration from "./configuration.md" with { type: "text" };
import environment from "./environment.md" with { type: "text" };
import errors from "./errors.md" with { type: "text" };
import excludes from "./excludes.md" with { type: "text" };
import format from "./format.md" with { type: "text" };
import gettingStarted from "./getting-started.md" with { type: "text" };
import hooks from "./hooks.md" with { type: "text" };
import install from "./install.md" with { type: "text" };
import keys from "./keys.md" with { type: "text" };
import metrics from "./metrics.md" with { type: "text" };
import options from "./options.md" with { type: "text" };
import restoring from "./restoring.md" with { type: "text" };
import retention from "./retention.md" with { type: "text" };
import rewriting from "./rewriting.md" with { type: "text" };
import scripting from "./scripting.md" with { type: "text" };
import security from "./security.md" with { type: "text" };
import servers from "./servers.md" with { type: "text" };
import snapshots from "./snapshots.md" with { type: "text" };
import sources from "./sources.md" with { type: "text" };
import vaults from "./vaults.md" with { type: "text" };
import jobs from "../../jobs/help/jobs.md" with { type: "text" };
import nas from "../../jobs/help/nas.md" with { type: "text" };
import notifications from "../../jobs/help/notifications.md" with { type: "text" };
import service from "../../jobs/help/service.md" with { type: "text" };
import web from "../../server/help/web.md" with { type: "text" };

/** Texts by name, in the order of `help topics`. The first line of each text is its title. */
export const TOPICS: ReadonlyMap<string, string> = new Map([
  ["getting-started", gettingStarted],
  ["install", install],
  ["snapshots", snapshots],
  ["sources", sources],
  ["excludes", excludes],
  ["changes", changes],
  ["restoring", restoring],
  ["retention", retention],
  ["rewriting", rewriting],
  ["checking", checking],
  ["vaults", vaults],
  ["keys", keys],
  ["servers", servers],
  ["configuration", configuration],
  ["hooks", hooks],
  ["environment", environment],
  ["options", options],
  ["service", service],
  ["jobs", jobs],
  ["nas", nas],
  ["web", web],
  ["notifications", notifications],
  ["metrics", metrics],
  ["scripting", scripting],
  ["errors", errors],
  ["format", format],
  ["security", security],
]);

/** Other words for topics that people try. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["tutorial", "getting-started"],
  ["installation", "install"],
  ["completion", "install"],
  ["naming", "snapshots"],
  ["series", "snapshots"],
  ["trees", "snapshots"],
  ["patterns", "excludes"],
  ["exclude", "excludes"],
  ["ignore", "excludes"],
  ["locks", "sources"],
  ["hook", "hooks"],
  ["commands", "hooks"],
  ["static", "sources"],
  ["streams", "sources"],
  ["keep", "retention"],
  ["prometheus", "metrics"],
  ["accounts", "web"],
  ["server", "web"],
  ["pages", "web"],
  ["purge", "rewriting"],
  ["repairing", "checking"],
  ["damage", "checking"],
  ["bugs", "checking"],
  ["encryption", "vaults"],
  ["passphrase", "keys"],
  ["password", "keys"],
  ["s3", "servers"],
  ["sftp", "servers"],
  ["webdav", "servers"],
  ["rclone", "servers"],
  ["cloud", "servers"],
  ["variables", "environment"],
  ["globals", "options"],
  ["systemd", "service"],
  ["schedule", "jobs"],
  ["synology", "nas"],
  ["qnap", "nas"],
  ["mail", "notifications"],
  ["ntfy", "notifications"],
  ["json", "scripting"],
  ["exit-codes", "scripting"],
  ["exit-statuses", "scripting"],
]);

/** The Markdown of a topic; undefined if there is none of that name. */
export function topicNamed(name: string): string | undefined {
  return TOPICS.get(ALIASES.get(name) ?? name);
}

/** The title of a text as in the list of topics: "Excludes: what a backup skips" without its first word. */
export function titleOf(text: string): string {
  return (/^# (?:[^:\n]*: )?(.*)$/m.exec(text)?.[1] ?? "").replaceAll("`", "");
}
