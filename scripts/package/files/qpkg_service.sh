#!/bin/sh
# Called by QTS with start, stop or restart.
package=backup-tool
config=${QPKG_CONF:-/etc/config/qpkg.conf}
reading=${QPKG_GETCFG:-/sbin/getcfg}
home=$("$reading" "$package" Install_Path -f "$config" -d "")
pid_file=$home/$package.pid
. "$home/settings.conf"

runs() {
  [ -f "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2> /dev/null
}

start() {
  if [ "$("$reading" "$package" Enable -f "$config" -d TRUE)" != TRUE ] || runs; then return 0; fi
  if [ ! -d "$STORAGE" ]; then
    echo "$package: there is no storage at $STORAGE: make one with $home/$package init -s $STORAGE" >&2
    return 1
  fi
  "$home/$package" serve --jobs "$JOBS" -s "$STORAGE" --log "$home/$package.log" < /dev/null > /dev/null 2>&1 &
  echo $! > "$pid_file"
}

# It finishes what can't be interrupted.
stop() {
  if runs; then
    pid=$(cat "$pid_file")
    kill "$pid"
    waited=0
    while kill -0 "$pid" 2> /dev/null && [ "$waited" -lt 120 ]; do
      sleep 1
      waited=$((waited + 1))
    done
    if kill -0 "$pid" 2> /dev/null; then return 1; fi
  fi
  rm -f "$pid_file"
}

case "$1" in
  start) start ;;
  stop) stop ;;
  restart) stop && start ;;
  *)
    echo "Usage: $0 start|stop|restart" >&2
    exit 1
    ;;
esac
