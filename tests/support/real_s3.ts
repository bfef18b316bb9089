/**
 * An S3 server that somebody else wrote: the one that BACKUP_TOOL_TEST_S3 names, such as s3:http://127.0.0.1:7480/bucket
 * with keys in the usual variables; else, with SLOW=1, a node of Ceph that is started here.
 */
import { ceph, CEPH_KEYS, HAS_CEPH } from "./ceph.ts";
import { IS_SLOW } from "./effort.ts";

const NAMED = Deno.env.get("BACKUP_TOOL_TEST_S3");

export const HAS_REAL_S3 = NAMED !== undefined || IS_SLOW && HAS_CEPH;

/** Its port is one of this machine, as tests need that put something between. */
export interface RealS3 {
  /** Of a bucket, and in it a part for these tests alone. */
  readonly location: string;
  readonly port: number;
  /** What follows host and port in the location. */
  readonly path: string;
  readonly variables: Readonly<Record<string, string>>;
}

export async function realS3(): Promise<RealS3> {
  const named = NAMED === undefined ? undefined : new URL(NAMED.replace(/^s3:/, "")), { port } = named ?? await ceph();
  const path = `${named?.pathname.slice(1) ?? "bucket"}/${crypto.randomUUID().slice(0, 8)}`;
  return {
    location: `s3:${named?.origin ?? `http://127.0.0.1:${port}`}/${path}`,
    port: Number(port),
    path,
    variables: named === undefined ? CEPH_KEYS : Deno.env.toObject(),
  };
}
