#!/bin/sh
# Called by DSM with start, stop, status or log. Statuses: 0 runs, 1 died, 3 stopped.
package=backup-tool
home=${SYNOPKG_PKGDEST:-/var/packages/$package/target}
var=${SYNOPKG_PKGVAR:-/var/packages/$package/var}
# The shared folder that the package has made for itself.
data=${BACKUP_TOOL_DATA:-/var/packages/$package/shares/backup-tool}
pid_file=$var/$package.pid
log=$var/$package.log

runs() {
  [ -f "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2> /dev/null
}

start() {
  if runs; then return 0; fi
  if [ ! -d "$data" ]; then
    echo "The shared folder $data is not there" >> "$log"
    return 1
  fi
  if [ ! -d "$data/storage" ]; then "$home/bin/$package" init -s "$data/storage" >> "$log" 2>&1 || return 1; fi
  "$home/bin/$package" serve --jobs "$data/jobs" -s "$data/storage" --log "$log" < /dev/null > /dev/null 2>&1 &
  echo $! > "$pid_file"
}

# It finishes what can't be interrupted.
stop() {
  if ! runs; then
    rm -f "$pid_file"
    return 0
  fi
  pid=$(cat "$pid_file")
  kill "$pid"
  waited=0
  while kill -0 "$pid" 2> /dev/null && [ "$waited" -lt 120 ]; do
    sleep 1
    waited=$((waited + 1))
  done
  if kill -0 "$pid" 2> /dev/null; then return 1; fi
  rm -f "$pid_file"
}

case "$1" in
  start) start ;;
  stop) stop ;;
  status)
    if runs; then exit 0; fi
    if [ -f "$pid_file" ]; then exit 1; fi
    exit 3
    ;;
  log) echo "$log" ;;
  *) exit 1 ;;
esac
