#!/bin/sh
set -e
case "$1" in
  configure)
    if [ -d /run/systemd/system ]; then
      systemctl daemon-reload
      # Runs on with the new version; one that nobody has started stays off.
      if [ -n "$2" ]; then systemctl try-restart backup-tool.service; fi
    fi
    ;;
esac
