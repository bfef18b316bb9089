/** What a job may say of where a repository lies, and how its bytes travel. */
import * as z from "zod";
import { LINK_SHAPE } from "../../operations/settings/vault_schema.ts";
import { hasScheme } from "../../operations/vaults/vault_settings.ts";
import { whyNoPath } from "../../core/written_path.ts";

const ABSOLUTE = /^(?:\/|[A-Za-z]:[\\/])/;
const NAME = /^[^/\\~.:\s-][^/\\:\s]*$/;

/** An absolute path, `scheme:...`, or a name in the configuration of the service. */
const location = z.string().refine(
  (text) => whyNoPath(text) === undefined && (ABSOLUTE.test(text) || hasScheme(text) || NAME.test(text)),
  "Expected an absolute path, a URL such as `s3:https://...`, or the name of a vault in the configuration",
);

/** Of jobs that work with any storage or vault. */
export const STORAGE_SHAPE = {
  storage: location.describe("A storage or vault: a path, URL or name; default: that of the service").exactOptional(),
};

/** Of copies. */
export const COPY_ENDS = {
  to: location.describe("Where to: a path, URL, or name in the configuration"),
  from: location.describe("Where from; default: the service's storage").exactOptional(),
  ...LINK_SHAPE,
};
