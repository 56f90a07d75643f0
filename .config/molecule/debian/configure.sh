#!/bin/sh
# Makes of an installed Debian what a new virtual server is: systemd starts it, nothing else is set up. Runs as root in
# the image, whichever way that came about.
set -eu

# What needs hardware, a console or a clock of its own has nothing to do in a container.
for unit in \
  console-getty.service getty.target systemd-logind.service \
  systemd-networkd.service systemd-networkd-wait-online.service systemd-resolved.service \
  systemd-timesyncd.service systemd-udevd.service systemd-udev-trigger.service \
  systemd-modules-load.service sys-kernel-config.mount sys-kernel-debug.mount \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer; do
  ln -sf /dev/null "/etc/systemd/system/${unit}"
done

# Images of Debian for containers keep packages from starting services. A server does not.
rm -f /usr/sbin/policy-rc.d

# Safe writes protect a machine from a power cut; this one is thrown away.
echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/unsafe-io

rm -rf /etc/machine-id /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/*.log /var/log/apt
: > /etc/machine-id
