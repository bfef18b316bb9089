/** What the one file is put through where there is nothing else, as a script for the shell of a static busybox. */

/** All that one does with a storage, with a directory of many kinds; ends with what differs. */
export const LIFE = `set -e
bb=/bin/busybox; tool=/backup-tool
$bb mkdir -p /data/source/below
$bb seq 20000 > /data/source/numbers; $bb ln -s numbers /data/source/link; $bb ln /data/source/numbers /data/source/below/same
echo hello > "/data/source/below/a name"; $bb chmod 640 "/data/source/below/a name"; $bb touch -d "2020-01-02 03:04:05" /data/source/numbers
$tool init
$tool backup /data/source --name life
$tool ls -l life:latest
echo again >> /data/source/below/new
$tool backup /data/source --name life
$tool diff life:latest~1 life:latest
$tool check --read-data
$tool restore life:latest --target /data/back
$tool rebuild
$tool check
(cd /data/source && $bb find . -exec $bb stat -c "%n %a %U %s %Y %h %F" {} + | $bb sort) > /data/before
(cd /data/back/data/source 2>/dev/null || cd /data/back; $bb find . -exec $bb stat -c "%n %a %U %s %Y %h %F" {} + | $bb sort) > /data/after
$bb cmp /data/before /data/after
$bb diff -r /data/source /data/back/data/source || $bb diff -r /data/source /data/back
echo the same`;
