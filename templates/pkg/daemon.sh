# Whether the daemon itself runs this installation: what it has started, an installer among it, would end with it.
updates_itself() {
    daemon=$(launchctl print "system/$label" 2>/dev/null | sed -n 's/^[[:space:]]*pid = \([0-9][0-9]*\)$/\1/p' | head -n 1)
    [ -n "$daemon" ] || return 1
    # each process: its number, its parent's, its program; from every installer, and from here, up to the daemon
    ps -axo pid=,ppid=,comm= | awk -v top="$daemon" -v own="$$" '
        { parent[$1] = $2 }
        $3 ~ /(^|\/)installer$/ || $1 == own { from[$1] = 1 }
        END {
            for (at in from)
                for (steps = 0; at + 0 > 1 && steps < 64; steps++) {
                    if (at == top) exit 0
                    at = parent[at]
                }
            exit 1
        }'
}

# start_daemon PLIST: the daemon of this property list, whether another one runs or not
start_daemon() {
    launchctl bootout "system/$label" 2>/dev/null || :
    launchctl enable "system/$label" || fail "launchd does not enable $label"
    tries=1
    until launchctl bootstrap system "$1"; do
        # the daemon that was stopped may take a while to go
        if [ "$tries" -ge 30 ]; then
            fail "launchd did not take $label in 30 tries"
        fi
        tries=$((tries + 1))
        sleep 1
    done
    launchctl kickstart "system/$label" || fail "launchd did not start $label"
}
