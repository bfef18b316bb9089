/** Keys for the location of a repository, and for its transfers. */
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

/** Keys of jobs that work with any storage or vault. */
export const STORAGE_SHAPE = {
  storage: location.describe("A storage or vault: a path, URL or name; default: that of the service").exactOptional(),
};

/** Keys of copies. */
export const COPY_ENDS = {
  to: location.describe("Where to: a path, URL, or name in the configuration"),
  from: location.describe("Where from; default: the service's storage").exactOptional(),
  ...LINK_SHAPE,
};
