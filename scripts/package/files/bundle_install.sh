#!/bin/sh
# Has the executable beside this find its loader and its libraries, which lie in lib/. Run it again when the directory has
# moved. It needs a shell and cp, dd, chmod, mkdir, mv and rm.
#
#   sh install.sh [DIRECTORY]    where to install; default: where this lies
set -e
mark_at=@MARK_AT@ mark=@MARK@ path_bytes=@PATH_BYTES@ loader=@LOADER@
LC_ALL=C
export LC_ALL

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
here=$(cd "$here" && pwd -P)
to=$here
if [ $# -gt 0 ]; then
  mkdir -p "$1"
  to=$(cd "$1" && pwd -P)
fi

# Slashes before the path fill it up: they mean nothing.
path=$to/lib/$loader
while [ ${#path} -lt "$path_bytes" ]; do path=/$path; done
[ ${#path} -eq "$path_bytes" ] || fail "the path of this directory is too long: $to"

# A copy of the executable is changed, and then takes the place of an older one, which may be running.
new=$to/.backup-tool.new
trap 'rm -f "$new"' EXIT
cp "$here/backup-tool" "$new"
found=$(dd if="$new" bs=1 skip="$mark_at" count=${#mark} 2> /dev/null)
[ "$found" = "$mark" ] || fail "$here/backup-tool is not the executable of this bundle"
printf %s "$path" | dd of="$new" bs=1 seek=$((mark_at + ${#mark})) conv=notrunc 2> /dev/null

if [ "$to" != "$here" ]; then
  for name in lib licenses share install.sh; do
    if [ -e "$here/$name" ]; then
      rm -rf "$to/.$name.new"
      cp -R "$here/$name" "$to/.$name.new"
      rm -rf "${to:?}/$name"
      mv "$to/.$name.new" "$to/$name"
    fi
  done
fi
chmod 755 "$new" "$to/lib/$loader"
"$new" version || fail "$to/backup-tool doesn't run on this system"
mv -f "$new" "$to/backup-tool"
