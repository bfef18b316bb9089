/**
 * The image for Docker, Podman and the container apps of NAS: an OCI layout in a tar, which `docker load` takes too. One
 * layer: the executable with its C library inside, and busybox for hooks.
 */
import entrypoint from "../files/entrypoint.sh" with { type: "text" };
import healthcheck from "../files/healthcheck.sh" with { type: "text" };
import { type Bytes, digest, gzip, joined, type Packed, tar } from "../archives/archive.ts";
import { filesOf, PACKAGES } from "../debian.ts";
import { type Artefact, DESCRIPTION, executableFor, LICENSE, NAME, type Release } from "../release.ts";

/** Commands that hooks, the entrypoint and whoever looks around in the container use. */
const COMMANDS =
  ("sh ash awk basename cat chgrp chmod chown cmp cp cut date dd df diff dirname du echo env expr false find grep gzip gunzip " +
    "head hostname id kill less ln ls md5sum mkdir mktemp mv nc nice nohup od pidof ping printf ps pwd readlink realpath rm " +
    "rmdir sed seq sha256sum sleep sort stat su sync tail tar tee test timeout touch tr true uname uniq vi wc wget which " +
    "whoami xargs").split(" ");

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly content: Bytes;
}

/** @throws Unbuildable, PackageUnavailable */
export async function imageFor(release: Release): Promise<Artefact> {
  const [busybox = new Uint8Array()] = await filesOf(PACKAGES.busybox, ["bin/busybox"]);
  const layerTar = await tar(rootOf(release, busybox), release.time);
  const layer = blob("application/vnd.oci.image.layer.v1.tar+gzip", gzip(layerTar, release.level));
  const config = blob("application/vnd.oci.image.config.v1+json", json(configOf(release, digest("sha256", layerTar))));
  const manifest = blob(
    "application/vnd.oci.image.manifest.v1+json",
    json({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: descriptor(config),
      layers: [descriptor(layer)],
      annotations: labelsOf(release),
    }),
  );
  const content = await tar(layoutOf(release, { layer, config, manifest }), release.time);
  return { name: `${NAME}-${release.version}-image-x64.tar`, content };
}

function rootOf(release: Release, busybox: Bytes): readonly Packed[] {
  return [
    { path: `usr/bin/${NAME}`, content: executableFor(release, "linux-x64"), mode: 0o755 },
    { path: "usr/bin/entrypoint", content: entrypoint, mode: 0o755 },
    { path: "usr/bin/healthcheck", content: healthcheck, mode: 0o755 },
    { path: "bin/busybox", content: busybox, mode: 0o755 },
    ...COMMANDS.map((name) => ({ path: `bin/${name}`, linkTo: "busybox" })),
    { path: "etc/passwd", content: "root:x:0:0:root:/data:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n" },
    { path: "etc/group", content: "root:x:0:\nnogroup:x:65534:\n" },
    { path: "data", mode: 0o755 },
    { path: "proc" },
    { path: "dev" },
    { path: "sys" },
    { path: "tmp", mode: 0o1777 },
    { path: "var/tmp", mode: 0o1777 },
    ...release.licenses.map((item) => ({ ...item, path: `usr/share/licenses/${NAME}/${item.path}` })),
  ];
}

function configOf(release: Release, layerSum: string): unknown {
  const created = release.time.toISOString();
  return {
    created,
    architecture: "amd64",
    os: "linux",
    config: {
      Env: [
        "PATH=/usr/bin:/bin",
        "HOME=/data",
        "BACKUP_TOOL_STORAGE=/data/storage",
        "BACKUP_TOOL_STATE=/data/state",
        // Not all that runs containers leaves a mark of its own: for `doctor`.
        "container=oci",
      ],
      Entrypoint: ["/usr/bin/entrypoint"],
      Cmd: ["serve", "--jobs", "/data/jobs"],
      WorkingDir: "/data",
      Volumes: { "/data": {} },
      StopSignal: "SIGTERM",
      Labels: labelsOf(release),
      // Nanoseconds. Not in the specification of OCI, but Docker and Podman read it.
      Healthcheck: { Test: ["CMD", "/usr/bin/healthcheck"], Interval: 300e9, Timeout: 10e9, StartPeriod: 30e9 },
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${layerSum}`] },
    history: [{ created, created_by: "deno task package" }],
  };
}

function labelsOf({ version, time }: Release): Record<string, string> {
  return {
    "org.opencontainers.image.title": NAME,
    "org.opencontainers.image.description": DESCRIPTION,
    "org.opencontainers.image.version": version,
    "org.opencontainers.image.created": time.toISOString(),
    "org.opencontainers.image.licenses": LICENSE,
  };
}

function layoutOf(
  { version }: Release,
  { layer, config, manifest }: { readonly layer: Blob; readonly config: Blob; readonly manifest: Blob },
): readonly Packed[] {
  const tag = `${NAME}:${version}`, pathOf = (blob: Blob) => `blobs/sha256/${blob.digest}`;
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{
      ...descriptor(manifest),
      platform: { architecture: "amd64", os: "linux" },
      annotations: { "org.opencontainers.image.ref.name": version, "io.containerd.image.name": tag },
    }],
  };
  // For Docker before 25, which knows no OCI layouts.
  const forDocker = [{ Config: pathOf(config), RepoTags: [tag], Layers: [pathOf(layer)] }];
  return [
    ...[layer, config, manifest].map((blob) => ({ path: pathOf(blob), content: blob.content })),
    { path: "oci-layout", content: json({ imageLayoutVersion: "1.0.0" }) },
    { path: "index.json", content: json(index) },
    { path: "manifest.json", content: json(forDocker) },
  ];
}

function blob(mediaType: string, content: Bytes): Blob {
  return { mediaType, digest: digest("sha256", content), size: content.length, content };
}

function descriptor({ mediaType, digest, size }: Blob) {
  return { mediaType, digest: `sha256:${digest}`, size };
}

function json(value: unknown): Bytes {
  return joined([JSON.stringify(value)]);
}
