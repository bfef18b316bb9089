#!/usr/bin/env python3
"""Reads a storage, written from src/storage/FORMAT.md alone with nothing but Python's standard library.

    reader.py list STORAGE                      one line of JSON for each snapshot, oldest first
    reader.py verify STORAGE                    checks every content of every snapshot; prints how many
    reader.py extract STORAGE SNAPSHOT TARGET   SNAPSHOT is an id or its beginning, TARGET a new directory

It looks at nothing but content/. Exit status: 0, or 1 with a message if anything is not as the format says.
"""
import base64, gzip, hashlib, json, os, re, stat, sys, zlib

HEX_DIGITS = {"sha256": 64, "blake3": 64, "sha1": 40, "md5": 32, "crc32": 8}
CHUNK = 1 << 20
HOLE = 1 << 16


class Damaged(Exception):
    pass


def demand(condition, message):
    if not condition:
        raise Damaged(message)


class Crc32:
    def __init__(self):
        self.value = 0

    def update(self, data):
        self.value = zlib.crc32(data, self.value)

    def hexdigest(self):
        return "%08x" % self.value


def hasher(algorithm):
    demand(algorithm in HEX_DIGITS, "unknown algorithm " + algorithm)
    demand(algorithm != "blake3", "Python's standard library has no blake3")
    return Crc32() if algorithm == "crc32" else hashlib.new(algorithm)


def digest(algorithm, data):
    h = hasher(algorithm)
    h.update(data)
    return h.hexdigest()


def raw(text):
    """Bytes of the text form."""
    return text.encode("utf-8", "surrogateescape")


def order(path):
    """Sorts as apaths do: by directory, name by name, then by name."""
    *directory, name = path[1:].split(b"/")
    return directory, name


class Storage:
    def __init__(self, path):
        self.content = os.path.join(os.fsencode(path), b"content")
        self.settings = None
        self.roots = sorted(self.find_roots(), key=lambda root: root["sequence"])
        demand(self.roots, "no snapshot in " + path)

    def find_roots(self):
        for directory, _, names in os.walk(self.content):
            for name in names:
                place = os.path.relpath(os.path.join(directory, name), self.content)
                id = os.fsdecode(place).replace("/", "")
                if not re.fullmatch("[0-9a-f]+f0", id) or len(id) - 2 not in HEX_DIGITS.values():
                    continue
                with open(os.path.join(directory, name), "rb") as file:
                    yield self.parse_root(id, file.read())

    def parse_root(self, id, data):
        try:
            root = json.loads(data)
            algorithm = root["storage"]["algorithm"]
            demand(root["version"] <= 1, id + " is of a newer format")
        except (ValueError, KeyError):
            raise Damaged(id + " is damaged")
        demand(root["format"] == "backup-tool snapshot", id + " is no root")
        demand(digest(algorithm, data) + "f0" == id, id + " is damaged")
        self.settings = self.settings or root["storage"]
        demand(root["storage"] == self.settings, id + " belongs to another storage")
        return {"id": id, **root}

    def open(self, id):
        parts, at = [], 0
        for digits in self.settings["hexSplit"]:
            parts.append(os.fsencode(id[at:at + digits]))
            at += digits
        return open(os.path.join(self.content, *parts, os.fsencode(id[at:])), "rb")

    def chunks(self, id, size):
        """The bytes of a content; the digest and the size are checked at the end."""
        h, total = hasher(self.settings["algorithm"]), 0
        with self.open(id) as file:
            while chunk := file.read(CHUNK):
                h.update(chunk)
                total += len(chunk)
                yield chunk
        demand(h.hexdigest() == id[:HEX_DIGITS[self.settings["algorithm"]]], id + " is damaged")
        demand(total == size, "%s has %d bytes, not %d" % (id, total, size))

    def entries(self, root):
        last = None
        for hunk in root["hunks"]:
            with self.open(hunk["id"]) as file:
                data = file.read()
            demand(digest(self.settings["algorithm"], data) + "f1" == hunk["id"], hunk["id"] + " is damaged")
            lines = gzip.decompress(data).decode().split("\n")
            demand(lines.pop() == "" and len(lines) == hunk["count"], "lines are missing in " + hunk["id"])
            for number, line in enumerate(lines):
                entry = json.loads(line)
                path = entry["path"] = raw(entry["path"])
                demand(number or path == raw(hunk["first"]), hunk["id"] + " begins with another path")
                demand(last is None or order(last) < order(path), "entries are out of order")
                demand(path == b"/" or not {b"", b".", b".."} & set(path[1:].split(b"/")), "bad path")
                last = path
                yield entry


def extract(storage, root, target):
    target = os.fsencode(target)
    os.mkdir(target)
    directories, first_names = [], {}
    for entry in storage.entries(root):
        path = target if entry["path"] == b"/" else target + entry["path"]
        first = first_names.get(entry.get("hardLink"))
        if entry["kind"] == "dir":
            if path != target:
                os.mkdir(path, 0o700)
            directories.append((path, entry))
        elif first is not None:
            os.link(first, path, follow_symlinks=False)
        elif make(storage, entry, path):
            give_attributes(path, entry)
            if "hardLink" in entry:
                first_names[entry["hardLink"]] = path
    for path, entry in reversed(directories):
        give_attributes(path, entry)


def make(storage, entry, path):
    kind = entry["kind"]
    if kind == "file" and "content" in entry:
        with open(path, "xb") as file:
            for chunk in storage.chunks(entry["content"], entry["size"]):
                write(file, chunk, entry.get("sparse", False))
            file.truncate()
    elif kind == "symlink" and "target" in entry:
        os.symlink(raw(entry["target"]), path)
    elif kind in ("fifo", "socket", "char", "block"):
        types = {"fifo": stat.S_IFIFO, "socket": stat.S_IFSOCK, "char": stat.S_IFCHR, "block": stat.S_IFBLK}
        os.mknod(path, types[kind] | 0o600, os.makedev(*entry.get("device", (0, 0))))
    else:
        print("not kept:", os.fsdecode(path), *entry.get("problems", []), file=sys.stderr)
        return False
    return True


def write(file, chunk, sparse):
    for at in range(0, len(chunk), HOLE):
        piece = chunk[at:at + HOLE]
        if sparse and not piece.strip(b"\0"):
            file.seek(len(piece), os.SEEK_CUR)
        else:
            file.write(piece)


def give_attributes(path, entry):
    if os.geteuid() == 0:
        os.chown(path, entry["uid"], entry["gid"], follow_symlinks=False)
    for name, value in entry.get("xattrs", {}).items():
        os.setxattr(path, raw(name), base64.b64decode(value), follow_symlinks=False)
    if entry["kind"] != "symlink":
        os.chmod(path, int(entry["mode"], 8))
    mtime = int(entry["mtime"])
    os.utime(path, ns=(mtime, mtime), follow_symlinks=False)


def verify(storage):
    sizes = {}
    for root in storage.roots:
        for entry in storage.entries(root):
            if "content" in entry:
                demand(sizes.setdefault(entry["content"], entry["size"]) == entry["size"], "two sizes of one content")
    for id, size in sizes.items():
        for _ in storage.chunks(id, size):
            pass
    return {"snapshots": len(storage.roots), "contents": len(sizes), "bytes": sum(sizes.values())}


def main(command, path, *rest):
    storage = Storage(path)
    if command == "list":
        for root in storage.roots:
            print(json.dumps({name: root[name] for name in ("id", "start", "tree", "name", "complete", "totals")}))
    elif command == "verify":
        print(json.dumps(verify(storage)))
    else:
        name, target = rest
        [root] = [root for root in storage.roots if root["id"].startswith(name)]
        extract(storage, root, target)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Damaged as error:
        sys.exit(str(error))
