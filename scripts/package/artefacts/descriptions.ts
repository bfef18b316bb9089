/** Small texts by which package managers and container apps find a release. */
import composeText from "../files/compose.yaml" with { type: "text" };
import { digest } from "../archives/archive.ts";
import {
  type Artefact,
  DESCRIPTION,
  executableFor,
  fileNameOf,
  LICENSE,
  NAME,
  type Platform,
  type Release,
  SUMMARY,
  Unbuildable,
  urlOf,
} from "../release.ts";

/** Blocks of a formula: those of a system, and in them those of a processor. */
const BREW: readonly { readonly system: string; readonly processor: string; readonly platform: Platform }[] = [
  { system: "macos", processor: "arm", platform: "macos-arm64" },
  { system: "macos", processor: "intel", platform: "macos-x64" },
  { system: "linux", processor: "arm", platform: "linux-arm64" },
  { system: "linux", processor: "intel", platform: "linux-x64" },
];

interface Download {
  readonly url: string;
  readonly sha256: string;
}

/** @throws Unbuildable */
function downloadOf(release: Release, platform: Platform): Download {
  const sha256 = digest("sha256", executableFor(release, platform));
  return { url: urlOf(release, fileNameOf(release, platform)), sha256 };
}

/** For Homebrew: of each platform that there is an executable for. @throws Unbuildable */
export function formulaFor(release: Release): Artefact {
  const there = BREW.filter(({ platform }) => release.executables.has(platform));
  if (there.length === 0) throw new Unbuildable("no executable for macOS or Linux");
  const blocks = ["macos", "linux"].flatMap((system) => {
    const ofSystem = there.filter((block) => block.system === system);
    if (ofSystem.length === 0) return [];
    return [`  on_${system} do`, ...ofSystem.flatMap((block) => blockOf(release, block)), "  end", ""];
  });
  const content = [
    "class BackupTool < Formula",
    `  desc "${SUMMARY}"`,
    `  homepage "${urlOf(release, "")}"`,
    `  version "${release.version}"`,
    `  license "${LICENSE}"`,
    "",
    ...blocks,
    "  def install",
    `    bin.install Dir["${NAME}-*"].first => "${NAME}"`,
    `    generate_completions_from_executable(bin/"${NAME}", "completions")`,
    "  end",
    "",
    "  service do",
    `    run [opt_bin/"${NAME}", "serve", "--jobs", var/"${NAME}/jobs", "-s", var/"${NAME}/storage"]`,
    "    keep_alive true",
    `    log_path var/"log/${NAME}.log"`,
    "  end",
    "",
    "  test do",
    `    assert_match version.to_s, shell_output("#{bin}/${NAME} version")`,
    "  end",
    "end",
    "",
  ].join("\n");
  return { name: `homebrew/${NAME}.rb`, content };
}

function blockOf(release: Release, { processor, platform }: typeof BREW[number]): string[] {
  const { url, sha256 } = downloadOf(release, platform);
  return [`    on_${processor} do`, `      url "${url}"`, `      sha256 "${sha256}"`, "    end"];
}

/** For Scoop on Windows. @throws Unbuildable */
export function scoopFor(release: Release): Artefact {
  const { url, sha256 } = downloadOf(release, "windows-x64");
  const manifest = {
    version: release.version,
    description: SUMMARY,
    homepage: urlOf(release, ""),
    license: LICENSE,
    architecture: { "64bit": { url: `${url}#/${NAME}.exe`, hash: sha256 } },
    bin: `${NAME}.exe`,
  };
  return { name: `scoop/${NAME}.json`, content: JSON.stringify(manifest, undefined, 2) + "\n" };
}

/** For winget on Windows: the three files of a version. @throws Unbuildable */
export function wingetFor(release: Release): readonly Artefact[] {
  const { url, sha256 } = downloadOf(release, "windows-x64");
  const id = "BackupTool.BackupTool", { version } = release;
  const file = (type: string, name: string, lines: readonly string[]): Artefact => ({
    name: `winget/${name}.yaml`,
    content: [
      `PackageIdentifier: ${id}`,
      `PackageVersion: ${version}`,
      ...lines,
      `ManifestType: ${type}`,
      "ManifestVersion: 1.6.0",
      "",
    ].join("\n"),
  });
  return [
    file("version", id, ["DefaultLocale: en-US"]),
    file("installer", `${id}.installer`, [
      "InstallerType: portable",
      "Commands:",
      `- ${NAME}`,
      "Installers:",
      "- Architecture: x64",
      `  InstallerUrl: ${url}`,
      `  InstallerSha256: ${sha256.toUpperCase()}`,
    ]),
    file("defaultLocale", `${id}.locale.en-US`, [
      "PackageLocale: en-US",
      `Publisher: ${NAME} contributors`,
      "PackageName: Backup Tool",
      `License: ${LICENSE}`,
      `ShortDescription: ${SUMMARY}`,
    ]),
  ];
}

/** For Docker Compose. */
export function composeFor({ version }: Release): Artefact {
  return { name: "compose.yaml", content: composeText.replaceAll("@VERSION@", version) };
}

/** A template for the Docker page of Unraid. */
export function unraidFor({ version }: Release): Artefact {
  const setting = (name: string, target: string, text: string, more: string, value: string) =>
    `  <Config Name="${name}" Target="${target}" Default="${value}" Description="${text}" ${more}>${value}</Config>`;
  const path = (mode: string) => `Mode="${mode}" Type="Path" Display="always" Required="true"`;
  const variable = 'Mode="" Type="Variable" Display="always" Required="false"';
  const content = [
    '<?xml version="1.0"?>',
    '<Container version="2">',
    `  <Name>${NAME}</Name>`,
    `  <Repository>${NAME}:${version}</Repository>`,
    "  <Network>bridge</Network>",
    "  <Privileged>false</Privileged>",
    `  <Overview>${DESCRIPTION}</Overview>`,
    "  <Category>Backup:</Category>",
    "  <ExtraParams>--stop-timeout=120</ExtraParams>",
    setting("Data", "/data", "ONE place for storage, jobs and what is restored", path("rw"), "/mnt/user/backup-tool"),
    setting("Source", "/source", "What is backed up; never written to", path("ro"), "/mnt/user"),
    setting("PUID", "PUID", "The user whom the storage belongs to", variable, "99"),
    setting("PGID", "PGID", "The group whom the storage belongs to", variable, "100"),
    setting("Time zone", "TZ", "Such as Europe/Berlin", variable, "UTC"),
    "</Container>",
    "",
  ].join("\n");
  return { name: `unraid/${NAME}.xml`, content };
}
