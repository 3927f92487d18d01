#!/bin/sh
# dpkg says "remove", rpm the number of versions that stay.
set -e
if [ "$1" = remove ] || [ "$1" = 0 ]; then
	if [ -d /run/systemd/system ]; then
		systemctl disable --now mirrord.service mirrord.socket mirrord-tls.socket || true
	fi
fi
