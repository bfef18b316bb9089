/** The list of what is in a release, in the form of CycloneDX. */
import { digest } from "../archives/archive.ts";
import type { Component } from "../components.ts";
import { type Artefact, LICENSE, NAME, type Release, SUMMARY } from "../release.ts";

/** The same for the same release: its number is made of what it says. */
export function sbomFor({ version, time }: Release, components: readonly Component[]): Artefact {
  const own = `pkg:generic/${NAME}@${version}`;
  const said = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      timestamp: time.toISOString(),
      component: {
        type: "application",
        "bom-ref": own,
        name: NAME,
        version,
        description: SUMMARY,
        licenses: [{ license: { id: LICENSE } }],
        purl: own,
      },
    },
    components: components.map((component) => ({
      type: "library",
      "bom-ref": component.purl,
      name: component.name,
      version: component.version,
      licenses: [{ expression: component.license }],
      purl: component.purl,
      ...(component.sha512 !== undefined && { hashes: [{ alg: "SHA-512", content: component.sha512 }] }),
    })),
    dependencies: [{ ref: own, dependsOn: components.map(({ purl }) => purl) }],
  };
  const hex = digest("sha256", JSON.stringify(said));
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)];
  const content = JSON.stringify({ serialNumber: `urn:uuid:${uuid.join("-")}`, ...said }, undefined, 2) + "\n";
  return { name: `${NAME}-${version}.cdx.json`, content };
}
