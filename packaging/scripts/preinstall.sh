#!/bin/sh
# Files of the package belong to the user, so that must be there first.
set -e
if ! getent passwd mirrord >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/mirrord --no-create-home --shell /usr/sbin/nologin mirrord
fi
