#!/bin/sh
# Storage and jobs lie elsewhere, and stay.
package=backup-tool
home=$(cd "$(dirname "$0")" && pwd)
"$home/$package.sh" stop
rm -f "${QPKG_INIT:-/etc/init.d}/$package.sh"
cd / && rm -rf "$home"
