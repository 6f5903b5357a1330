#!/bin/sh
# after-rpm ACTION UNIT: for scriptlets that the service itself has started. An agent that updates or removes itself runs rpm in its
# own control group, all of which systemd ends when it stops the service, rpm and this script among it. Then systemd is asked to do
# it when rpm is done. Fails, and does nothing, where this is not so: the scriptlet may do it at once.
set -e
action=$1
unit=$2

sed -n 's/^[0-9]*:[^:]*://p' /proc/self/cgroup 2>/dev/null | grep -q -e "/$unit\$" -e "/$unit/"

# rpm holds a lock until it is done. The lock's inode stands in /proc/locks while somebody holds it; nothing waits for longer than
# an hour. Each task has a name of its own: systemd may still have the one of an update just before.
# shellcheck disable=SC2016 # the text is for another shell
systemd-run --quiet --collect --unit="${unit%.service}-after-rpm-$$" \
    --description="$action $unit once rpm is done" /bin/sh -c '
    held() {
        for lock in /var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock; do
            inode=$(stat -L -c %i "$lock" 2>/dev/null) || continue
            grep -q ":$inode " /proc/locks && return 0
        done
        return 1
    }
    tries=0
    quiet=0
    while [ "$tries" -lt 3600 ] && [ "$quiet" -lt 2 ]; do
        sleep 1
        tries=$((tries + 1))
        if held; then quiet=0; else quiet=$((quiet + 1)); fi
    done
    systemctl --system daemon-reload
    exec systemctl "$1" "$2"' after-rpm "$action" "$unit" ||
    printf '%s: %s\n' "$unit" "systemd takes no task for later; $action it by hand" >&2
