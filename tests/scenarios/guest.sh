#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the namespaces of a guest: gives it its own /etc, /usr, /run and /var/log, then stays.
#   guest.sh NAME FOLDER PEER    FOLDER has etc, usr and log; PEER is the unpacked peer whose programs it finds in /usr
set -e
name=$1 dir=$2 peer=$3
mount --make-rprivate /
mkdir -p "$dir/rw"
mount -t tmpfs tmpfs "$dir/rw"
mkdir "$dir/rw/etc" "$dir/rw/etc.work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$dir/rw/etc,workdir=$dir/rw/etc.work" /etc
cp -R "$dir/etc/." /etc/
mount -t overlay overlay -o "lowerdir=$dir/usr:$peer/usr:/usr" /usr
for d in /run /var/run; do [ -L "$d" ] || mount -t tmpfs tmpfs "$d"; done
mount --bind "$dir/log" /var/log
hostname "$name"
echo up
exec sleep infinity
