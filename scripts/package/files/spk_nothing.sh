#!/bin/sh
# The shared folder, with storage and jobs, is the user's: installing, upgrading and removing leave it alone.
exit 0
