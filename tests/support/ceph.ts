/**
 * A node of Ceph with its S3 gateway, all in memory (some 150 MB): one monitor, one OSD that keeps everything in memory,
 * and radosgw. It is up after some 15 s, and goes away with the test.
 */
import { answers, freePort, run, type Server, spawned } from "./servers.ts";
import { has } from "./needs.ts";

export const CEPH_KEYS = { AWS_ACCESS_KEY_ID: "ceph-tester", AWS_SECRET_ACCESS_KEY: "s3cr3t+of/ceph" };

export const HAS_CEPH = has(
  "ceph",
  "ceph-mon",
  "ceph-osd",
  "radosgw",
  "radosgw-admin",
  "monmaptool",
);

/** The daemons write there until they have ended. */
const REMOVED_LATER = 'cat >/dev/null; sleep 5; rm -rf "$1"';

function configOf(
  directory: string,
  id: string,
  ports: { readonly monitor: number; readonly gateway: number },
): string {
  return `[global]
fsid = ${id}
mon_host = [v2:127.0.0.1:${ports.monitor}]
public_network = 127.0.0.0/8
keyring = ${directory}/keyring
auth_allow_insecure_global_id_reclaim = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_crush_initial_weight = 1
osd_objectstore = memstore
memstore_device_bytes = ${2 ** 32}
mon_allow_pool_size_one = true
mon_data = ${directory}/mon
osd_data = ${directory}/osd
run_dir = ${directory}
admin_socket = ${directory}/$name.$pid
log_file = /dev/null
pid_file =
crash_dir = ${directory}
rgw_frontends = beast endpoint=127.0.0.1:${ports.gateway}
`;
}

/** One key for all of them, who may do everything. */
function keyring(): string {
  const secret = crypto.getRandomValues(new Uint8Array(16)), kind = [1, 0], created = new Array(8).fill(0);
  const key = btoa(String.fromCharCode(...kind, ...created, secret.length, 0, ...secret));
  const caps = ["mon", "osd", "mgr"].map((daemon) => `caps ${daemon} = "allow *"`).join("\n");
  return ["mon.", "osd.0", "client.admin", "client.rgw"].map((who) => `[${who}]\nkey = ${key}\n${caps}\n`).join("");
}

export async function ceph(): Promise<Server> {
  const directory = Deno.makeTempDirSync({ prefix: "backup-tool-test-" }), port = freePort(), monitor = freePort();
  const id = crypto.randomUUID();
  const env = { CEPH_CONF: `${directory}/ceph.conf` }, call = (...command: string[]) => run(command, env);
  Deno.writeTextFileSync(env.CEPH_CONF, configOf(directory, id, { monitor, gateway: port }));
  Deno.writeTextFileSync(`${directory}/keyring`, keyring());
  for (const each of ["mon", "osd"]) Deno.mkdirSync(`${directory}/${each}`);
  const daemons = new DisposableStack(), start = (...command: string[]) => daemons.use(spawned(command, { env }));
  daemons.use(spawned([directory], { script: REMOVED_LATER }));
  call("monmaptool", "--create", "--fsid", id, "--addv", "a", `[v2:127.0.0.1:${monitor}]`, `${directory}/map`);
  call("ceph-mon", "--mkfs", "-i", "a", "--monmap", `${directory}/map`, "--keyring", `${directory}/keyring`);
  start("ceph-mon", "-f", "-i", "a");
  call("ceph", "osd", "create");
  call("ceph-osd", "-i", "0", "--mkfs");
  start("ceph-osd", "-f", "-i", "0");
  start("radosgw", "-f", "-n", "client.rgw");
  await answers(port);
  const { AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: secret } = CEPH_KEYS;
  const user = ["--uid=tester", "--display-name=tester", `--access-key=${key}`, `--secret-key=${secret}`];
  call("radosgw-admin", "user", "create", ...user);
  return { port, directory, [Symbol.dispose]: () => daemons.dispose() };
}
