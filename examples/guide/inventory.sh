#!/bin/sh
# Prints the name and the operating system of each host that it is given. SSH_CONFIG names another ssh_config.
set -eu
for host; do
  ssh ${SSH_CONFIG:+-F "$SSH_CONFIG"} "$host" '. /etc/os-release; echo "$(hostname): $NAME $VERSION_ID"'
done
