#!/usr/bin/env python3
"""Reads a vault, written from src/vault/FORMAT.md and src/storage/FORMAT.md alone, with nothing but Python's standard
library and the programs age and zstd.

    vault_reader.py list VAULT [KEYFILE]       one line of JSON for each snapshot, by its start
    vault_reader.py verify VAULT [KEYFILE]     checks every file of every snapshot; prints what there was
    vault_reader.py extract VAULT SNAPSHOT TARGET [KEYFILE]
                                               SNAPSHOT is an id or its beginning, TARGET a new directory

--without-index reads unit.json of all units instead of index/. KEYFILE is left out where nothing is encrypted. Exit
status: 0, or 1 with a message if anything is not as the formats say.
"""
import base64, gzip, hashlib, hmac, json, os, re, struct, subprocess, sys, tempfile

from reader import Damaged, demand, order, raw

HEX64 = re.compile("[0-9a-f]{64}")
CHUNK, TAG, NONCE = 65_536, 16, 16
MIB = 1 << 20
GRAVITY = {"unused": 1, "doomed": 2, "gone": 3}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def run(program, *args, data):
    done = subprocess.run([program, *args], input=data, capture_output=True)
    demand(done.returncode == 0, "%s: %s" % (program, done.stderr.decode(errors="replace").strip()))
    return done.stdout


# --- keys

def hkdf(secret, info, length):
    """RFC 5869 with SHA-256 and an empty salt."""
    key = hmac.digest(bytes(32), secret, "sha256")
    out = block = b""
    for counter in range(1, length // 32 + 2):
        block = hmac.digest(key, block + info + bytes([counter]), "sha256")
        out += block
    return out[:length]


BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def polymod(values):
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check


def expanded(prefix):
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def regrouped(values, source, target):
    number = bits = 0
    for value in values:
        number, bits = number << source | value, bits + source
        while bits >= target:
            bits -= target
            yield number >> bits & (1 << target) - 1
    if source > target and bits:
        yield number << target - bits & (1 << target) - 1


def secret_of(identity):
    prefix, _, rest = identity.lower().rpartition("1")
    values = [BECH32.index(c) for c in rest]
    demand(prefix == "age-secret-key-" and polymod(expanded(prefix) + values) == 1, "a key has a typing error")
    return bytes(regrouped(values[:-6], 5, 8))[:32]


def identity_of(secret):
    prefix = "age-secret-key-"
    values = list(regrouped(secret, 8, 5))
    check = polymod(expanded(prefix) + values + [0] * 6) ^ 1
    values += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return (prefix + "1" + "".join(BECH32[v] for v in values)).upper()


class Keys:
    """What opens each class of objects: files for age -i."""

    def __init__(self, path, directory):
        with open(path) as file:
            secrets = [line.strip() for line in file if line.strip() and not line.startswith("#")]
        demand(1 <= len(secrets) <= 2, "the key file has no key")
        data, meta = secrets[0], identity_of(hkdf(secret_of(secrets[0]), b"backup-tool meta v1", 32))
        demand(len(secrets) == 1 or secrets[1] == meta, "the lines of the key don't belong together")
        self.auth = hkdf(secret_of(meta), b"backup-tool auth v1", 32)
        self.files = {}
        for name, identity in (("data", data), ("meta", meta)):
            self.files[name] = os.path.join(directory, name + ".key")
            with open(self.files[name], "w") as file:
                file.write(identity + "\n")

    def open(self, sealed, kind, what):
        demand(sealed.startswith(b"age-encryption.org/v1\n"), what + " is not sealed")
        return run("age", "-d", "-i", self.files[kind], data=sealed)


def head_bytes(sealed):
    """Header and nonce: everything before the first chunk."""
    end = re.search(rb"(?m)^--- [^\n]*\n", sealed[:4096])
    demand(end is not None, "an age header has no end")
    return end.end() + NONCE


# --- objects

class Vault:
    def __init__(self, path, keys, without_index=False):
        self.path, self.keys = path, keys
        self.problems = 0
        with open(os.path.join(path, "config"), "rb") as file:
            self.config = self.parsed(file.read(), "config", "backup-tool vault")
        demand(self.config["encrypted"] == (keys is not None), "a key fits an encrypted vault, and no other")
        self.sizes = {name: os.path.getsize(place) for name, place in self.listed("data")}
        self.units = self.units_by_tails() if without_index else self.units_by_index()
        self.homes = {}
        for name in sorted(self.units):
            for item in self.units[name]["items"]:
                self.homes.setdefault((self.units[name]["class"], item[0]), []).append((name, item))
        self.opened = None
        self.roots = sorted(self.find_roots(), key=lambda root: (root["start"], root["id"]))

    def parsed(self, data, what, format):
        value = json.loads(data)
        demand(value["format"] == format, what + " is something else")
        demand(value["version"] == 1, what + " has another version")
        return value

    def listed(self, kind):
        """Names and places of all objects of a kind."""
        top = os.path.join(self.path, kind)
        directories = [top]
        if kind == "data":
            directories = [os.path.join(top, name) for name in sorted(os.listdir(top)) if re.fullmatch("[0-9a-f]{2}", name)]
        for directory in directories:
            for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
                if HEX64.fullmatch(name) and (kind != "data" or os.path.basename(directory) == name[:2]):
                    yield name, os.path.join(directory, name)

    def stored(self, kind, name, place):
        with open(place, "rb") as file:
            data = file.read()
        demand(sha256(data) == name, "%s/%s is damaged" % (kind, name))
        return data

    def small(self, kind, name, place, signed):
        """The plain bytes of an object of index/ or snapshots/, their signature verified and taken off."""
        data, what = self.stored(kind, name, place), "%s/%s" % (kind, name)
        if self.keys is None:
            return run("zstd", "-dc", data=data)
        plain = run("zstd", "-dc", data=self.keys.open(data, "meta", what))
        content, line = plain[:-76], plain[-76:]
        right = hmac.new(self.keys.auth, signed + b"\n" + content, "sha256").hexdigest()
        demand(line == b'{"hmac":"%s"}\n' % right.encode(), what + " is not rightly signed")
        return content

    # --- which unit holds what

    def units_by_index(self):
        objects = {}
        for name, place in self.listed("index"):
            lines = self.small("index", name, place, b"index").split(b"\n")
            demand(lines.pop() == b"", "the last line of index/%s has no end" % name)
            first = self.parsed(lines[0], "index/" + name, "backup-tool index")
            demand(first["vault"] == self.config["id"], "index/%s is of another vault" % name)
            objects[name] = first, [json.loads(line) for line in lines[1:]]
        superseded = {name for first, _ in objects.values() for name in first.get("supersedes", [])}
        gone, units = set(), {}
        for name, (first, lines) in objects.items():
            if name in superseded:
                continue
            if first["kind"] == "ledger":
                gone |= {line["unit"] for line in lines if "gone" in line}
            else:
                for line in lines:
                    units.setdefault(line["unit"], []).append(line)
        return {name: self.joined(name, lines) for name, lines in units.items() if name not in gone}

    def joined(self, name, lines):
        shape = lambda line: [line["class"], line["size"], line["head"], line["frames"]]
        demand(all(shape(line) == shape(lines[0]) for line in lines), "lines of %s contradict each other" % name)
        return {**lines[0], "items": [item for line in lines for item in line["items"]]}

    def units_by_tails(self):
        units = {}
        for name, place in self.listed("data"):
            data = self.stored("data", name, place)
            for kind in ("data", "meta"):
                try:
                    plain = self.keys.open(data, kind, name) if self.keys else data
                    break
                except Damaged:
                    if kind == "meta":
                        raise
            units[name] = self.description(name, plain)
        return units

    def description(self, name, plain):
        """unit.json, by way of the trailer."""
        magic, length, at, size = struct.unpack("<IIQI", plain[-20:])
        demand((magic, length) == (0x184D2A50, 12) and at + size == len(plain) - 20, "the trailer of %s is wrong" % name)
        tar = run("zstd", "-dc", data=plain[at:at + size])
        demand(tar[:512].split(b"\0")[0] == b".backup-tool/unit.json", name + " has no unit.json")
        demand(tar[-1024:] == bytes(1024), "the tar file of %s has no end" % name)
        unit = self.parsed(tar[512:512 + int(tar[124:135], 8)], name, "backup-tool unit")
        demand(unit["vault"] == self.config["id"], name + " is of another vault")
        return {**unit, "size": self.sizes[name], "head": None}

    # --- items

    def content_of(self, name):
        """The tar file of a unit, and where each of its frames begins in it. The last unit stays at hand."""
        if self.opened is None or self.opened[0] != name:
            unit = self.units[name]
            demand(name in self.sizes, "unit %s is missing" % name)
            data = self.stored("data", name, os.path.join(self.path, "data", name[:2], name))
            demand(len(data) == unit["size"], "unit %s has another size" % name)
            plain = self.keys.open(data, unit["class"], name) if self.keys else data
            self.check_sealing(name, unit, data, plain)
            described = self.description(name, plain)
            demand(described["class"] == unit["class"] and described["frames"] == unit["frames"], "unit.json of %s says otherwise" % name)
            starts, end = [], 0
            for at, length, size in unit["frames"]:
                demand(plain[at:at + 4] == b"\x28\xb5\x2f\xfd", "no frame begins at %d of %s" % (at, name))
                starts.append(end)
                end += size
            demand([f[0] for f in unit["frames"]] == [sum(f[1] for f in unit["frames"][:i]) for i in range(len(unit["frames"]))], "there is something between the frames of " + name)
            self.opened = name, run("zstd", "-dc", data=plain), starts
        return self.opened[1], self.opened[2]

    def check_sealing(self, name, unit, data, plain):
        if self.keys is None:
            return demand(unit["head"] in ("", None), "a unit that is not sealed has a head")
        head = head_bytes(data)
        demand(unit["head"] is None or base64.b64decode(unit["head"]) == data[:head], "the head of %s is another" % name)
        chunks = max(1, -(-len(plain) // CHUNK))
        demand(head + len(plain) + TAG * chunks == len(data), "the size of %s is not that of its chunks" % name)

    def item(self, kind, id):
        """The bytes of an item, verified."""
        demand((kind, id) in self.homes, id + " is in no unit")
        name, item = self.homes[kind, id][0]
        tar, starts = self.content_of(name)
        _, frame, at, size = item[:4]
        data = tar[starts[frame] + at:starts[frame] + at + size]
        wanted = item[4] if id.endswith("f2") and len(id) == 66 else id[:64]
        demand(len(data) == size and sha256(data) == wanted, id + " is damaged")
        return data

    def parts(self, list_id):
        """Ids and sizes of the parts that a list names, those of further lists included."""
        first, *lines = [json.loads(line) for line in self.item("meta", list_id).splitlines()]
        demand(first["format"] == "backup-tool parts" and first["version"] == 1, "a parts list is something else")
        demand(sum(line[1] for line in lines) == first["size"], "a parts list has another size")
        if first["level"] == 0:
            return [tuple(line[:2]) for line in lines]
        demand(first["level"] == 1, "a parts list has too many levels")
        return [part for line in lines for part in self.parts(line[0])]

    def chunks(self, id, size):
        """The bytes of a content; digest and size are checked at the end."""
        if ("data", id) in self.homes:
            data = self.item("data", id)
            demand(len(data) == size, id + " has another size")
            yield data
            return
        whole, total = hashlib.sha256(), 0
        for part, length in self.parts(id + "f2"):
            data = self.item("data", part)
            demand(len(data) == length, "a part of %s has another size" % id)
            whole.update(data)
            total += length
            yield data
        demand(whole.hexdigest() == id and total == size, id + " is not what its parts make")

    # --- snapshots

    def find_roots(self):
        roots = {}
        for name, place in self.listed("snapshots"):
            data = self.small("snapshots", name, place, b"root")
            root = self.parsed(data, "snapshots/" + name, "backup-tool snapshot")
            demand(root["storage"]["algorithm"] == "sha256", "ids of %s are of another algorithm" % name)
            roots[sha256(data) + "f0"] = root
        return [{"id": id, **root} for id, root in roots.items()]

    def entries(self, root):
        last = None
        for hunk in root["hunks"]:
            lines = gzip.decompress(self.item("meta", hunk["id"])).decode().split("\n")
            demand(lines.pop() == "" and len(lines) == hunk["count"], "lines are missing in " + hunk["id"])
            for number, line in enumerate(lines):
                entry = json.loads(line)
                path = entry["path"] = raw(entry["path"])
                demand(number or path == raw(hunk["first"]), hunk["id"] + " begins with another path")
                demand(last is None or order(last) < order(path), "entries are out of order")
                last = path
                yield entry


def verify(vault):
    sizes, files = {}, 0
    for root in vault.roots:
        for entry in list(vault.entries(root)):
            if "content" in entry:
                files += 1
                demand(sizes.setdefault(entry["content"], entry["size"]) == entry["size"], "two sizes of one content")
    for id in sorted(sizes, key=lambda id: vault.homes.get(("data", id), [("~", id)])[0][0]):
        for _ in vault.chunks(id, sizes[id]):
            pass
    large = sum(("data", id) not in vault.homes for id in sizes)
    return {"snapshots": len(vault.roots), "files": files, "contents": len(sizes), "large": large,
            "bytes": sum(sizes.values()), "units": len(vault.units)}


def extract(vault, name, target):
    """Directories, files and symlinks; of their metadata only the time."""
    [root] = [root for root in vault.roots if root["id"].startswith(name)]
    target, directories = os.fsencode(target), []
    os.mkdir(target)
    for entry in list(vault.entries(root)):
        path = target if entry["path"] == b"/" else target + entry["path"]
        if entry["kind"] == "dir":
            if path != target:
                os.mkdir(path)
            directories.append((path, entry))
            continue
        if entry["kind"] == "symlink":
            os.symlink(raw(entry["target"]), path)
        elif "content" in entry:
            with open(path, "xb") as file:
                for chunk in vault.chunks(entry["content"], entry["size"]):
                    file.write(chunk)
        os.utime(path, ns=(int(entry["mtime"]),) * 2, follow_symlinks=False)
    for path, entry in reversed(directories):
        os.utime(path, ns=(int(entry["mtime"]),) * 2)


def main(args):
    without_index = "--without-index" in args
    command, path, *rest = [arg for arg in args if not arg.startswith("--")]
    wanted = [rest.pop(0), rest.pop(0)] if command == "extract" else []
    with tempfile.TemporaryDirectory() as directory:
        vault = Vault(path, Keys(rest[0], directory) if rest else None, without_index)
        if command == "list":
            for root in vault.roots:
                print(json.dumps({name: root[name] for name in ("id", "start", "host", "name", "complete", "totals")}))
        elif command == "verify":
            print(json.dumps(verify(vault)))
        else:
            extract(vault, *wanted)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Damaged as error:
        sys.exit(str(error))
