/**
 * Targets of notifications that were added on the page: one private file beside the outbox, which is read again when it
 * has changed. Whoever sends from that outbox knows them.
 */
import * as z from "zod";
import type { Random } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { joinRaw, type Raw, rawOf, rawOfBytes, textOf } from "../core/raw.ts";
import { type Dir, type Disk, makeDirectories } from "../platform/disk.ts";
import { openFileIfThere, unlessNoDirectory } from "../platform/open_optional.ts";
import { replaceFile } from "../platform/private_file.ts";
import { EVENTS } from "./notice.ts";
import type { NotifySettings, SmtpSettings, TargetSettings } from "./targets.ts";

const FILE = rawOf("targets.json"), PRIVATE = 0o700, MOST_BYTES = 1024 * 1024, MOST_TARGETS = 100;

// deno-lint-ignore no-control-regex
const LINE = z.string().min(1).max(4096).regex(/^[^\x00-\x1f\x7f]*$/, "Expected one line");
export const TARGET_NAME = z.string().regex(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  "Expected letters, digits and . _ - as the name",
);
export const OWN_TARGET = z.strictObject({
  /** See `parseAddress`. */
  to: LINE,
  /** An access token (ntfy), or the key that signs requests (webhook). */
  secret: LINE.optional(),
  on: z.array(z.enum(EVENTS)).max(EVENTS.length).optional(),
  detail: z.boolean().optional(),
});
export const MAIL_SERVER = z.strictObject({
  host: LINE.regex(/^[A-Za-z0-9.:[\]_-]+$/, "Expected the name of a host"),
  port: z.int().min(1).max(65_535).optional(),
  tls: z.enum(["tls", "starttls", "none"]).optional(),
  user: LINE.optional(),
  password: LINE.optional(),
  from: LINE,
});
const CONTENT = z.strictObject({
  version: z.literal(1),
  targets: z.record(TARGET_NAME, OWN_TARGET),
  smtp: MAIL_SERVER.optional(),
});

export type OwnTarget = z.output<typeof OWN_TARGET>;
export type MailServer = z.output<typeof MAIL_SERVER>;
type Content = z.output<typeof CONTENT>;
const NOTHING: Content = { version: 1, targets: {} };

/** The file can't be read. It is not replaced then: its targets would be lost. */
export class BadTargets extends Fault {
  readonly code = "bad-targets";
  readonly hint = "Correct the file, or remove it and add the targets again";
  constructor(path: Raw) {
    super(`Cannot use the notification targets in ${JSON.stringify(textOf(path))}`);
  }
}

export class TooManyTargets extends Fault {
  readonly code = "too-many-targets";
  readonly hint = "Remove some that nobody needs";
  constructor() {
    super(`There are ${MOST_TARGETS} notification targets already`);
  }
}

export class TargetFile {
  readonly #disk: Disk;
  readonly #directory: Raw;
  #seen = "";
  #content = NOTHING;

  /** @param directory absolute path of the outbox; created with the first target */
  constructor(disk: Disk, directory: Raw) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /** The targets, and the mail server if one was set. @throws BadTargets, DiskFault */
  settings(): NotifySettings {
    const { targets, smtp } = this.#read();
    const entries = Object.entries(targets).map(([name, { to, secret, on, detail }]): [string, TargetSettings] => [
      name,
      {
        to,
        ...(secret !== undefined && { secret }),
        ...(on !== undefined && { on }),
        ...(detail !== undefined && { detail }),
      },
    ]);
    return { targets: Object.fromEntries(entries), ...(smtp !== undefined && { smtp: smtpOf(smtp) }) };
  }

  /** A target, with its secrets. @throws BadTargets, DiskFault */
  target(name: string): OwnTarget | undefined {
    return Object.hasOwn(this.#read().targets, name) ? this.#read().targets[name] : undefined;
  }

  /** The mail server, with its password. @throws BadTargets, DiskFault */
  mailServer(): MailServer | undefined {
    return this.#read().smtp;
  }

  /** Adds a target, or replaces it. @throws BadTargets, TooManyTargets, DiskFault */
  put(name: string, target: OwnTarget, random: Random): void {
    const content = this.#read(), targets = { ...content.targets, [name]: target };
    if (Object.keys(targets).length > MOST_TARGETS) throw new TooManyTargets();
    this.#write({ ...content, targets }, random);
  }

  /** Removes a target. @returns false if there was none @throws BadTargets, DiskFault */
  remove(name: string, random: Random): boolean {
    const content = this.#read();
    if (!Object.hasOwn(content.targets, name)) return false;
    const targets = Object.fromEntries(Object.entries(content.targets).filter(([other]) => other !== name));
    this.#write({ ...content, targets }, random);
    return true;
  }

  /** Sets the mail server. @param server undefined removes it @throws BadTargets, DiskFault */
  setMailServer(server: MailServer | undefined, random: Random): void {
    const { smtp: _, ...content } = this.#read();
    this.#write({ ...content, ...(server !== undefined && { smtp: server }) }, random);
  }

  #read(): Content {
    using dir = unlessNoDirectory(() => this.#disk.openDir(this.#directory));
    const stat = dir?.stat(FILE);
    if (dir === undefined || stat === undefined) {
      this.#seen = "";
      return NOTHING;
    }
    const seen = `${stat.inode}:${stat.mtime}:${stat.ctime}:${stat.size}`;
    if (seen !== this.#seen) this.#content = this.#contentIn(dir);
    this.#seen = seen;
    return this.#content;
  }

  #contentIn(dir: Dir): Content {
    using file = openFileIfThere(dir, FILE);
    const bytes = new Uint8Array(Math.min(file?.stat().size ?? 0, MOST_BYTES)), got = file?.read(bytes, 0) ?? 0;
    try {
      return CONTENT.parse(JSON.parse(textOf(rawOfBytes(bytes.subarray(0, got)))));
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
      this.#seen = "";
      throw new BadTargets(joinRaw(this.#directory, FILE));
    }
  }

  #write(content: Content, random: Random): void {
    using dir = makeDirectories(this.#disk, this.#directory, PRIVATE);
    replaceFile(dir, FILE, `${JSON.stringify(content, undefined, 2)}\n`, random);
    this.#seen = "";
  }
}

function smtpOf({ host, port, tls, user, password, from }: MailServer): SmtpSettings {
  return {
    host,
    from,
    ...(port !== undefined && { port }),
    ...(tls !== undefined && { tls }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
  };
}

/** Both together; where they disagree, the configuration counts. */
export function merged(configured: NotifySettings, own: NotifySettings): NotifySettings {
  const smtp = configured.smtp ?? own.smtp;
  return { targets: { ...own.targets, ...configured.targets }, ...(smtp !== undefined && { smtp }) };
}
