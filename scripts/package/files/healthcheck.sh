#!/bin/sh
# Healthy while the service runs. Nothing of the storage is looked at: that would wake its disks every time.
if [ -n "${BACKUP_TOOL_HEALTH_URL:-}" ]; then
  exec wget -q -O /dev/null -T 5 "$BACKUP_TOOL_HEALTH_URL"
fi
exec pidof backup-tool > /dev/null
