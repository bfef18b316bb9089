/** Schema of a server whose files are backed up, in the configuration or in a job. */
import * as z from "zod";
import { LINK_SHAPE, linkFrom } from "./vault_schema.ts";

/** A server's files, and how they are transferred. */
export interface RemoteSource {
  /** `dav:`, `s3:` or `sftp:`, followed by an address. */
  readonly location: string;
  /** Absolute path of a file with the server's credentials. */
  readonly credentialsFile?: string;
  /** Shell command that prints the credentials. */
  readonly credentialsCommand?: string;
  /** Maximum rate, in bytes per second. */
  readonly limitDownload?: number;
}

type PathSchema = z.ZodType<string, string>;

const REMOTE = /^(?:dav|s3|sftp):./;

/** An address and its settings. @param path schema for paths of files */
export function remoteSchema(path: PathSchema) {
  return z.strictObject({
    location: z.string().regex(REMOTE, "Expected dav:, s3: or sftp: and an address").describe(
      "A server's directory, such as `dav:https://cloud.example.net/remote.php/dav/me`",
    ),
    credentialsFile: path.describe("A file with what the server asks for; nobody else may read it").exactOptional(),
    credentialsCommand: z.string().min(1).describe("A command that prints the same").exactOptional(),
    limitDownload: LINK_SHAPE.limitDownload,
  });
}

type WrittenRemote = z.output<ReturnType<typeof remoteSchema>>;

/** True for an address of such a server. */
export function isRemoteText(text: string): boolean {
  return REMOTE.test(text);
}

/** Converts a source. @param written in either form @param absolute makes a path absolute */
export function remoteFrom(written: WrittenRemote | string, absolute: (path: string) => string): RemoteSource {
  if (typeof written === "string") return { location: written };
  const { credentialsFile: file, limitDownload, ...others } = written;
  return {
    ...others,
    ...(file !== undefined && { credentialsFile: absolute(file) }),
    ...linkFrom({ ...(limitDownload !== undefined && { limitDownload }) }),
  };
}
