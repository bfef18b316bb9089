/** Configuration of `serve`: what its options say, where they are not given. */
import * as z from "zod";
import { listenAddress, type ListenOptions } from "./listen_options.ts";
import { defined } from "../../core/defined.ts";
import { SIZE_SCHEMA } from "../../operations/settings/backup_schema.ts";
import { bytesOfSize } from "../../operations/settings/backup_settings.ts";
import { readableBy } from "../../operations/settings/readable.ts";

type PathSchema = z.ZodType<string, string>;

const address = z.string().refine(readableBy(listenAddress), "Expected HOST:PORT or unix:/path");

/** Schema of the key. */
export function serveSchema(path: PathSchema) {
  const certificate = z.strictObject({ cert: path, key: path });
  const objects = z.strictObject({
    path: path.describe("The directory that they are kept in"),
    appendOnly: z.boolean().describe("Let nobody remove anything from them but locks").exactOptional(),
    maxSize: SIZE_SCHEMA.describe("What they may hold together").exactOptional(),
  });
  const warn = z.strictObject({
    unverifiedDays: z.int().min(1).describe("Alert when something was not read for so long; default: 90")
      .exactOptional(),
    freePercent: z.number().min(0).max(100).describe("Alert when less is free on the disk; default: 5").exactOptional(),
  });
  return z.strictObject({
    listen: z.union([address, z.array(address).min(1)]).describe("HOST:PORT or unix:/path; one or several")
      .exactOptional(),
    tls: z.union([z.literal("self-signed"), certificate]).describe("Encrypt: with a certificate made here, or your own")
      .exactOptional(),
    hostNames: z.array(z.string()).describe("Other names to answer to").exactOptional(),
    trustProxy: z.string().describe("Address of a proxy to believe, or `unix`").exactOptional(),
    plainHttp: z.boolean().describe("Let others connect without encryption").exactOptional(),
    dav: z.boolean().describe("WebDAV below /dav; default: true").exactOptional(),
    restoreBelow: z.array(path).describe("Directories that accounts may restore into").exactOptional(),
    sourcesBelow: z.array(path).describe("Directories that admins' jobs may back up").exactOptional(),
    objects: objects.describe("Repositories of other machines, below /objects").exactOptional(),
    logRequests: z.boolean().describe("Log each request").exactOptional(),
    warn: warn.describe("Limits beyond which there are alerts").exactOptional(),
  }).describe("What `serve` does where its options don't say otherwise");
}

type Written = z.output<ReturnType<typeof serveSchema>>;

/** The options that the configuration stands for. @param absolute makes paths absolute */
export function serveFrom(written: Written, absolute: (path: string) => string): Omit<ListenOptions, "webRemove"> {
  const { listen, tls, hostNames, objects, restoreBelow, sourcesBelow, ...rest } = written;
  const at = (address: string) => address.startsWith("unix:") ? `unix:${absolute(address.slice(5))}` : address;
  return defined<Omit<ListenOptions, "webRemove">>({
    ...rest,
    listen: listen === undefined ? undefined : [listen].flat().map(at),
    ...(tls === "self-signed" ? { tls } : tls && { tlsCert: absolute(tls.cert), tlsKey: absolute(tls.key) }),
    hostName: hostNames,
    restoreBelow: restoreBelow?.map(absolute),
    sourcesBelow: sourcesBelow?.map(absolute),
    objects: objects && absolute(objects.path),
    appendOnly: objects?.appendOnly,
    maxSize: objects?.maxSize === undefined ? undefined : bytesOfSize(objects.maxSize),
  });
}

/** The options of the command line, and those of the configuration for what it doesn't say. */
export function withServeConfig<T extends ListenOptions & { readonly once?: boolean }>(
  options: T,
  config: Omit<ListenOptions, "webRemove"> = {},
): T {
  const { listen, tls, tlsCert, tlsKey, ...others } = config, isOnce = options.once === true;
  // A run that ends by itself serves nothing, unless that is asked for.
  const isSecured = options.tls !== undefined || options.tlsCert !== undefined || options.tlsKey !== undefined;
  const dav = options.dav !== false && config.dav !== false;
  const own = defined<ListenOptions>({
    ...others,
    listen: isOnce ? undefined : listen,
    tls: isSecured ? undefined : tls,
    tlsCert: isSecured ? undefined : tlsCert,
    tlsKey: isSecured ? undefined : tlsKey,
  });
  return { ...own, ...options, dav };
}
