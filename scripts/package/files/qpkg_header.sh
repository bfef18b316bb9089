#!/bin/sh
# A package for QTS and QuTS hero, which App Center or `sh backup-tool.qpkg` installs.
offset=@OFFSET@
size=@SIZE@
# /tmp of QTS is too small for what is in here.
work=$(mktemp -d "$(dirname "$0")/.backup-tool-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
tail -c +$((offset + 1)) "$0" | head -c "$size" | tar -xzf - -C "$work" || exit 1
sh "$work/install.sh" "$work"
# What follows is no script.
exit
