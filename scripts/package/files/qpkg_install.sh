#!/bin/sh
# install.sh DIRECTORY: puts the package that lies unpacked in DIRECTORY on the volume where App Center keeps its packages.
set -e
from=$1
package=backup-tool
config=${QPKG_CONF:-/etc/config/qpkg.conf}
setting=${QPKG_SETCFG:-/sbin/setcfg}
reading=${QPKG_GETCFG:-/sbin/getcfg}
init=${QPKG_INIT:-/etc/init.d}

home=$("$reading" "$package" Install_Path -f "$config" -d "")
if [ -z "$home" ]; then
  volume=$("$reading" SHARE_DEF defVolMP -f "${QPKG_SHARES:-/etc/config/def_share.info}" -d "/share/CACHEDEV1_DATA")
  home=$volume/.qpkg/$package
fi
if [ -x "$home/$package.sh" ]; then "$home/$package.sh" stop; fi
mkdir -p "$home"
# Beside the old ones, then renamed: an upgrade that is cut off leaves a program that runs. settings.conf stays as it is.
for file in backup-tool backup-tool.sh .uninstall.sh LICENSES.txt; do
  cp "$from/package/$file" "$home/$file.new"
  mv "$home/$file.new" "$home/$file"
done
if [ ! -f "$home/settings.conf" ]; then cp "$from/package/settings.conf" "$home/settings.conf"; fi
chmod 755 "$home/backup-tool" "$home/backup-tool.sh" "$home/.uninstall.sh"

while read -r name value; do
  "$setting" "$package" "$name" "$value" -f "$config"
done << END
Name $package
Display_Name Backup Tool
Version @VERSION@
Author backup-tool
QPKG_File $package.qpkg
Shell $home/$package.sh
Install_Path $home
RC_Number 101
Date @DATE@
END
if [ -z "$("$reading" "$package" Enable -f "$config" -d "")" ]; then
  "$setting" "$package" Enable TRUE -f "$config"
fi
ln -sf "$home/$package.sh" "$init/$package.sh"
"$home/$package.sh" start || echo "Not started yet: say in $home/settings.conf where the storage is"
