/** Configuration of notifications. */
import * as z from "zod";
import { Fault } from "../../core/fault.ts";
import { EVENTS } from "../../notify/notice.ts";
import { type NotifySettings, parseAddress } from "../../notify/targets.ts";
import { parseDuration } from "../../operations/settings/prune_pace.ts";
import { readableBy } from "../../operations/settings/readable.ts";

type PathSchema = z.ZodType<string, string>;

const address = z.string().superRefine((text, context) => {
  try {
    parseAddress(text);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    context.addIssue({ code: "custom", message: `${error.message}. ${error.hint}` });
  }
});
/** One line of text, which can't add lines to a mail. */
// deno-lint-ignore no-control-regex
const line = z.string().min(1).regex(/^[^\x00-\x1f\x7f]*$/, "Expected one line");

/** Schema of the keys. */
export function notifyShape(path: PathSchema, name: PathSchema) {
  const target = z.strictObject({
    to: address.describe(
      "ntfy://HOST/TOPIC, gotify://HOST/TOKEN, healthchecks+https://..., webhook+https://..., mailto:...",
    )
      .exactOptional(),
    toFile: path.describe("A file whose first line is that address; nobody else may read it").exactOptional(),
    secretFile: path.describe("A file with an access token (ntfy), or with what signs (webhook)").exactOptional(),
    on: z.array(z.enum(EVENTS)).describe("Events to notify of; default: everything but success").exactOptional(),
    detail: z.boolean().describe("Also send messages, which name files; default: false").exactOptional(),
  }).refine(
    ({ to, toFile }) => (to === undefined) !== (toFile === undefined),
    'Expected either "to" or "toFile"',
  );
  const smtp = z.strictObject({
    host: line.describe("The server that takes mail"),
    port: z.int().min(1).max(65_535).describe("Default: 587; with `tls` 465, with `none` 25").exactOptional(),
    tls: z.enum(["tls", "starttls", "none"]).describe("Default: starttls, and nothing without it").exactOptional(),
    user: line.exactOptional(),
    passwordFile: path.describe("A file whose first line is the password; nobody else may read it").exactOptional(),
    from: line.describe("The sender's address"),
  });
  return {
    notify: z.record(name, target).describe("Targets of notifications about runs").exactOptional(),
    smtp: smtp.describe("How mail is sent").exactOptional(),
    expect: z.record(z.string(), z.string().refine(readableBy(parseDuration), "Expected a time, such as 26h or 8d"))
      .describe("How old the newest snapshot of a series may be, by NAME or HOST:NAME; `late` otherwise")
      .exactOptional(),
  };
}

type Written = z.output<z.ZodObject<ReturnType<typeof notifyShape>>>;

/** The settings. @param absolute makes paths absolute */
export function notifyFrom({ notify = {}, smtp }: Written, absolute: (path: string) => string): NotifySettings {
  const targets = Object.entries(notify).map(([name, { toFile, secretFile, ...target }]) => [name, {
    ...target,
    ...(toFile !== undefined && { toFile: absolute(toFile) }),
    ...(secretFile !== undefined && { secretFile: absolute(secretFile) }),
  }]);
  if (smtp === undefined) return { targets: Object.fromEntries(targets) };
  const { passwordFile, ...rest } = smtp;
  return {
    targets: Object.fromEntries(targets),
    smtp: { ...rest, ...(passwordFile !== undefined && { passwordFile: absolute(passwordFile) }) },
  };
}

/** Expected intervals by series, in ms. */
export function expectationsFrom({ expect = {} }: Written): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(expect).map(([series, text]) => [series, parseDuration(text)]));
}
