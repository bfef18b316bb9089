/** Parses locations as people write them, and distinguishes them from paths. They contain no secrets. */
import { BadUsage } from "../core/fault.ts";

/** A directory of an HTTP server. */
export interface WebPlace {
  readonly kind: "rest" | "dav";
  /** Ends with a slash, and contains no user. */
  readonly url: URL;
  readonly user: string | undefined;
  readonly settings: Settings;
}

export interface S3Place {
  readonly kind: "s3";
  /** URL of the service, without bucket and path. */
  readonly endpoint: URL;
  readonly bucket: string;
  /** "", or a path with a trailing slash. */
  readonly prefix: string;
  readonly settings: Settings;
}

export interface SftpPlace {
  readonly kind: "sftp";
  readonly host: string;
  /** Undefined: the one in `~/.ssh/config`, or the default. */
  readonly port: number | undefined;
  readonly user: string | undefined;
  /** Absolute, or relative to the directory in which the server starts sessions; without a trailing slash. */
  readonly path: string;
  readonly settings: Settings;
}

export interface FilePlace {
  readonly kind: "file";
  readonly path: string;
}

export type Place = WebPlace | S3Place | SftpPlace | FilePlace;

/** The parameters after `?`, by name. */
export type Settings = ReadonlyMap<string, string>;

/** Settings that each kind of place accepts. */
const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  rest: ["ca-file"],
  dav: ["ca-file"],
  s3: ["ca-file", "region", "style", "storage-class", "retention", "retention-mode"],
  sftp: ["known-hosts"],
};

/** `s3:`, `rest:` ...; a single letter is a drive. */
const SCHEME = /^([a-z][a-z0-9+.-]+):/;
const AWS_HOST = "s3.amazonaws.com";

/** The scheme of a location; undefined for a path on this machine. */
export function schemeOf(location: string): string | undefined {
  const scheme = SCHEME.exec(location)?.[1];
  return scheme === "file" ? undefined : scheme;
}

/** Parses a location. @throws BadUsage if it names no place, or contains a password */
export function parseLocation(location: string): Place {
  const scheme = schemeOf(location);
  if (scheme === undefined) {
    return { kind: "file", path: location.replace(/^file:(?:\/\/(?=\/))?/, "") };
  }
  const text = location.slice(scheme.length + 1);
  if (scheme === "rest" || scheme === "dav") return webPlace(scheme, text);
  if (scheme === "s3") return s3Place(text);
  if (scheme === "sftp") return sftpPlace(text);
  throw wrong(
    location,
    "there is no such kind of place",
    "Give a directory, or rest:, s3:, dav: or sftp: and an address",
  );
}

function webPlace(kind: "rest" | "dav", text: string): WebPlace {
  const location = `${kind}:${text}`;
  const url = urlOf(/^https?:\/\//.test(text) ? text : "", location, `Write it as ${kind}:https://host/path`);
  const user = userOf(url, location), settings = settingsOf(kind, url, location);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return { kind, url, user, settings };
}

function s3Place(text: string): S3Place {
  const location = `s3:${text}`, hint = "Write it as s3:https://host/bucket/path, or s3:bucket/path for Amazon's";
  // Names of buckets may have dots, too.
  const hasHost = /^https?:\/\//.test(text), hasHostOnly = /^(?:s3[.-][^/?]*|[^/?]*:\d+)\//.test(text);
  const url = urlOf(hasHost ? text : hasHostOnly ? `https://${text}` : `https://${AWS_HOST}/${text}`, location, hint);
  if (userOf(url, location) !== undefined) throw wrong(location, "keys have no place in it", hint);
  const settings = settingsOf("s3", url, location);
  const [bucket = "", ...path] = decodeURIComponent(url.pathname).split("/").filter((part) => part !== "");
  if (bucket === "") throw wrong(location, "it names no bucket", hint);
  return {
    kind: "s3",
    endpoint: new URL(url.origin),
    bucket,
    prefix: path.map((part) => `${part}/`).join(""),
    settings,
  };
}

/** `sftp://user@host:port/path`, or as scp has it, `sftp:user@host:path`. */
function sftpPlace(text: string): SftpPlace {
  const location = `sftp:${text}`, hint = "Write it as sftp:user@host:path, or sftp://user@host:22/path";
  if (text.startsWith("//")) {
    const url = urlOf(`sftp:${text}`, location, hint);
    const user = userOf(url, location), settings = settingsOf("sftp", url, location);
    const path = fromHome(decodeURIComponent(url.pathname).replace(/\/+$/, ""));
    return { kind: "sftp", host: bare(url.hostname), port: Number(url.port) || undefined, user, path, settings };
  }
  const found = /^(?:([^@/?]*)@)?(\[[^\]]+\]|[^:/?@]+):([^?]*)(\?.*)?$/.exec(text);
  if (found === null) throw wrong(location, "it is ambiguous where its host ends and its path begins", hint);
  const [, user, host = "", path = "", query = ""] = found;
  if (user?.includes(":") === true) throw passwordIn(location);
  const settings = settingsOf("sftp", new URL(`http://x/${query}`), location);
  return {
    kind: "sftp",
    host: bare(host),
    port: undefined,
    user: user === "" ? undefined : user,
    path: fromHome(path.replace(/\/+$/, "") || (path === "" ? "." : "/")),
    settings,
  };
}

/** The location of a place on an SFTP server, without settings. @param user undefined: it has none */
export function sftpLocation({ host, port, path }: SftpPlace, user?: string): string {
  const name = host.includes(":") ? `[${host}]` : host;
  if (port === undefined && !/[@/?:]/.test(user ?? "")) {
    return `sftp:${user === undefined ? "" : `${user}@`}${name}:${path}`;
  }
  const who = user === undefined ? "" : `${encodeURIComponent(user)}@`,
    at = port === undefined ? name : `${name}:${port}`;
  return `sftp://${who}${at}${path.startsWith("/") ? "" : "/~/"}${path}`;
}

/** An IPv6 address has brackets in locations only. */
function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

/** `/~/path` is relative, as curl and others have it. */
function fromHome(path: string): string {
  if (path === "/~" || path === "") return path === "" ? "/" : ".";
  return path.startsWith("/~/") ? path.slice("/~/".length) : path;
}

function urlOf(text: string, location: string, hint: string): URL {
  if (!URL.canParse(text)) throw wrong(location, "it is no address", hint);
  return new URL(text);
}

/** Takes the user out of the address. */
function userOf(url: URL, location: string): string | undefined {
  if (url.password !== "") throw passwordIn(location);
  const user = decodeURIComponent(url.username);
  url.username = "";
  return user === "" ? undefined : user;
}

function settingsOf(kind: string, url: URL, location: string): Settings {
  const known = SETTINGS[kind] ?? [], settings = new Map(url.searchParams);
  const unknown = [...settings.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw wrong(location, `${JSON.stringify(unknown)} is no setting of it`, `There are: ${known.join(", ")}`);
  }
  url.search = "";
  url.hash = "";
  return settings;
}

function passwordIn(location: string): BadUsage {
  return wrong(
    location,
    "a password in a location can be seen by everybody on this machine",
    "Put it into a credentials file that only you can read, or into an environment variable",
  );
}

function wrong(location: string, why: string, hint: string): BadUsage {
  return new BadUsage(`Cannot use ${JSON.stringify(withoutSecrets(location))}: ${why}`, hint);
}

/** Masks a location for messages and records: anything between the user's name and the host might be a password. */
export function withoutSecrets(location: string): string {
  return schemeOf(location) !== undefined
    ? location.replace(/(^[a-z0-9+.-]+:(?:[a-z]+:)?(?:\/\/)?)[^/?]*@/, "$1")
    : location;
}
