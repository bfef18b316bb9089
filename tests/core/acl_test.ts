import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type AclEntry, aclNamesOf, aclText, encodeAcl, parseAcl, withMappedAcls } from "../../src/core/acl.ts";

const ACCESS = "system.posix_acl_access";
const entry = (tag: number, rights: number, id?: number): AclEntry => ({ tag, rights, id });
const ACL = [
  entry(1, 6),
  entry(2, 4, 1500),
  entry(2, 7, 1501),
  entry(4, 4),
  entry(8, 6, 99),
  entry(16, 7),
  entry(32, 0),
];

Deno.test("an ACL comes back from its encoding, and nothing else is taken for one", () => {
  deepStrictEqual(parseAcl(encodeAcl(ACL)), ACL);
  for (
    const wrong of [
      "",
      btoa("\x02"),
      btoa("\x03\0\0\0"),
      btoa("\x02\0\0\0\x07\0\0\0\0\0\0\0"),
      btoa("\x02\0\0\0\x01\0"),
    ]
  ) {
    strictEqual(parseAcl(wrong), undefined);
  }
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    const text = btoa(String.fromCharCode(...bytes)), acl = parseAcl(text);
    if (acl !== undefined) deepStrictEqual(parseAcl(encodeAcl(acl)), acl);
  }));
});

Deno.test("names of an ACL are those that the machine knows", () => {
  const names = aclNamesOf({ [ACCESS]: encodeAcl(ACL) }, (kind, id) => id === 1501 ? undefined : `${kind}-${id}`);
  deepStrictEqual(names, { users: { 1500: "user-1500" }, groups: { 99: "group-99" } });
  strictEqual(aclNamesOf({ [ACCESS]: encodeAcl(ACL) }, () => undefined), undefined);
  strictEqual(aclNamesOf({ "user.x": "" }, () => "x"), undefined);
});

Deno.test("ACLs are given to the users and groups that have the names here", () => {
  const ids: Record<string, number> = { alice: 1501, staff: 5 };
  const mapped = (aclNames: Parameters<typeof withMappedAcls>[0]["aclNames"]) => {
    const xattrs = { [ACCESS]: encodeAcl(ACL), "user.x": "eA==" };
    const { [ACCESS]: value, ...others } = withMappedAcls(
      { xattrs, ...(aclNames && { aclNames }) },
      (_, name) => ids[name],
    )!;
    deepStrictEqual(others, { "user.x": "eA==" });
    return parseAcl(value!)!.flatMap(({ id, rights }) => (id === undefined ? [] : [`${id}:${rights}`]));
  };
  deepStrictEqual(mapped(undefined), ["1500:4", "1501:7", "99:6"]);
  deepStrictEqual(mapped({ users: { 1500: "nobody-here" } }), ["1500:4", "1501:7", "99:6"]);
  // 1501 is alice here: whoever had that number there gets nothing that would be hers.
  deepStrictEqual(mapped({ users: { 1500: "alice" }, groups: { 99: "staff" } }), ["1501:4", "5:6"]);
});

Deno.test("aclText() is what tar programs read", () => {
  const text = aclText(ACL, { users: { 1500: "alice", 1501: "a b" } });
  strictEqual(text, "user::rw-,user:alice:r--:1500,user:1501:rwx,group::r--,group:99:rw-,mask::rwx,other::---");
});
