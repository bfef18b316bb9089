#!/bin/sh
# Becomes the user that PUID and PGID name, if the container was started as root, and then the tool.
set -e

fail() {
  echo "backup-tool: $1" >&2
  exit 2
}

if [ "$(id -u)" != 0 ] || [ -z "${PUID:-}${PGID:-}" ]; then exec backup-tool "$@"; fi

uid=${PUID:-0}
gid=${PGID:-$uid}
case "$uid$gid" in
  *[!0-9]*) fail "PUID and PGID must be numbers" ;;
esac
if [ "$uid$gid" = 00 ]; then exec backup-tool "$@"; fi

{
  grep -v '^backup:' /etc/passwd || true
  echo "backup:x:$uid:$gid::/data:/bin/sh"
} > /tmp/passwd
{
  grep -v '^backup:' /etc/group || true
  echo "backup:x:$gid:"
} > /tmp/group
{ cat /tmp/passwd > /etc/passwd && cat /tmp/group > /etc/group; } 2> /dev/null ||
  fail "PUID can't be used with a read-only root: start the container as that user instead (--user $uid:$gid)"
rm /tmp/passwd /tmp/group

# A new, empty volume belongs to root. What is in one already is left as it is.
if [ -z "$(ls -A /data)" ]; then chown "$uid:$gid" /data; fi
exec su -p -s /bin/sh -c 'exec backup-tool "$@"' backup backup-tool "$@"
