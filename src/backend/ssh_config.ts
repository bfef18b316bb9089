/** Finds `~/.ssh/config`, and the files that it includes. */
import { unlessFault } from "../core/fault.ts";
import { namesIn, readTextFile } from "../platform/system.ts";
import { globOf, type SshHost, sshHostOf } from "./ssh_hosts.ts";

const MOST_BYTES = 16 * 1024 * 1024;

/** What the user's configuration says about a host. @param home undefined: there is no configuration */
export function configuredHost(home: string | undefined, host: string): SshHost {
  if (home === undefined) return { identityFiles: [] };
  return sshHostOf(textIn(`${home}/.ssh/config`), host, (pattern) => filesOf(pattern, home).map(textIn));
}

/** In the order of their names. */
function filesOf(pattern: string, home: string): string[] {
  const path = pattern.replace(/^~(?=\/)/, home), isAbsolute = /^([A-Za-z]:)?\//.test(path);
  const [top = "", ...components] = (isAbsolute ? path : `${home}/.ssh/${path}`).split("/");
  let found = [top];
  for (const component of components) {
    found = found.flatMap((directory) => matching(directory, component).map((name) => `${directory}/${name}`));
  }
  return found;
}

/** Hidden files only where the pattern begins with a dot. */
function matching(directory: string, component: string): string[] {
  if (!/[*?]/.test(component)) return [component];
  const isMatch = globOf(component), isHiddenToo = component.startsWith(".");
  const names = unlessFault(() => namesIn(directory === "" ? "/" : directory), []);
  return names.filter((name) => isMatch.test(name) && (isHiddenToo || !name.startsWith("."))).sort();
}

/** ssh, too, passes over files that are not there. */
function textIn(path: string): string {
  return unlessFault(() => readTextFile(path, MOST_BYTES), "");
}
