# Whether this script was started by the service itself: an agent that updates or removes itself runs dpkg in its own control group,
# all of which systemd ends when it stops the service, dpkg and this script among it.
in_service() {
    sed -n 's/^[0-9]*:[^:]*://p' /proc/self/cgroup 2>/dev/null | grep -q -e "/$unit\$" -e "/$unit/"
}

# later ACTION: has systemd do it when the package manager is done, which holds a lock until then. The lock's inode stands in
# /proc/locks while somebody holds it; nothing waits for longer than an hour. Each task has a name of its own: systemd may still have
# the one of an update just before.
later() {
    # shellcheck disable=SC2016 # the text is for another shell
    systemd-run --quiet --collect --unit="${unit%.service}-after-dpkg-$$" \
        --description="$1 $unit once dpkg is done" /bin/sh -c '
        held() {
            for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock; do
                inode=$(stat -c %i "$lock" 2>/dev/null) || continue
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
        exec deb-systemd-invoke "$1" "$2"' later "$1" "$unit" ||
        printf '%s: %s\n' "$unit" "systemd takes no task for later; $1 it by hand" >&2
}
