# crond.bash - Debian's cron, for real, at any time of the day, with a mailbox of its own.
#
# To be sourced, as root. It sees a copy of /etc without anybody's crontabs, an empty spool, a
# /usr/sbin with nothing but a sendmail that files what it is given, and a clock that begins just
# before the minute that is wanted: in mounts of its own, so that nothing of this machine's cron
# runs or is changed.  Everything is under $crond_dir:
#
#     cron.d/   crontabs, as for /etc/cron.d
#     mails/    one file a mail
#     runs      how each command exited, one line each
#
# shellcheck shell=bash

: "${crond_dir:?a directory for the files of cron}"

crond_program() {
    local unpacked
    unpacked=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/unpacked/cron/usr/sbin/cron
    if [ -x "$unpacked" ]; then echo "$unpacked"; else command -v /usr/sbin/cron; fi
}

crond_faketime() {
    dpkg -L libfaketime 2>/dev/null | grep 'libfaketime\.so\.1$'
}

crond_can_run() {
    ((EUID == 0)) && [ -n "$(crond_program)" ] && [ -n "$(crond_faketime)" ]
}

# Within mounts of its own; what is removed is removed from copies.
crond_inside() {
    set -e
    local work=$crond_dir/work
    mkdir -p "$work"
    mount -t tmpfs tmpfs "$work"
    cp -a /etc "$work/etc"
    rm -rf "$work"/etc/cron* "$work/etc/anacrontab"
    cp -r "$crond_dir/cron.d" "$work/etc/cron.d"
    chmod 644 "$work"/etc/cron.d/*
    # Debian's own asks for a login session, which a container may not begin.
    printf '%s required pam_permit.so\n' auth account session >"$work/etc/pam.d/cron"
    mkdir -p "$work/sbin" "$work/spool/cron/crontabs" "$work/run"
    cp "$1" "$work/sbin/cron"
    printf '#!/bin/sh\nexec cat >"%s/mails/$$"\n' "$crond_dir" >"$work/sbin/sendmail"
    chmod 755 "$work/sbin/sendmail"
    mount --bind "$work/run" /run
    mount --bind "$work/spool" /var/spool
    mount --bind "$work/etc" /etc
    mount --bind "$work/sbin" /usr/sbin
    exec env -i PATH=/usr/bin:/bin TZ=UTC LD_PRELOAD="$2" FAKETIME="@$3" FAKETIME_DONT_RESET=1 \
        /usr/sbin/cron -f
}

# crond_fire "2026-11-23 03:30": cron wakes up in that minute, runs what is due, and all that it
# started, mails too, has ended. CROND_RUNS is how often the crontabs' commands have run so far.
crond_fire() {
    local at pid before idle=true
    at=$(date -u -d "$1 UTC - 2 seconds" '+%F %T')
    before=$(crond_runs)
    mkdir -p "$crond_dir/mails"
    export crond_dir
    export -f crond_inside
    unshare --mount --propagation private bash -c 'crond_inside "$@"' bash \
        "$(crond_program)" "$(crond_faketime)" "$at" 2>>"$crond_dir/cron.err" 3>&- &
    pid=$!
    wait_for 30 crond_ran_since "$before" || cat "$crond_dir/cron.err"
    wait_for 30 crond_has_no_child "$pid" || idle=false
    kill "$pid" # whatever came of it: this cron would go on to its next half past three
    wait "$pid" || true
    $idle && (($(crond_runs) == before + 1))
}

# The wrapped command says when it has ended: see crond_wrap.
crond_runs() {
    wc -l <"$crond_dir/runs"
}

crond_ran_since() {
    (($(crond_runs) > $1))
}

# Its child waits for the job, and for the mail about it.
crond_has_no_child() {
    ! pgrep -P "$1"
}

# crond_wrap COMMAND: a program of this name in $crond_dir/bin, that runs COMMAND and notes how it
# exited.
crond_wrap() {
    mkdir -p "$crond_dir/bin"
    cat >"$crond_dir/bin/${1##*/}" <<END
#!/bin/sh
"$1" "\$@"
code=\$?
echo \$code >>"$crond_dir/runs"
exit \$code
END
    chmod 755 "$crond_dir/bin/${1##*/}"
}

# crond_date DAY: what \`date\` says to the commands; cron gives them an environment of its own, and
# so the real clock.
crond_date() {
    printf '#!/bin/sh\nexec /bin/date -d "%s 03:30" "$@"\n' "$1" >"$crond_dir/bin/date"
    chmod 755 "$crond_dir/bin/date"
}

crond_mails() {
    find "$crond_dir/mails" -type f | wc -l
}
