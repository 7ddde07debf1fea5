#!/usr/bin/env bats
# The line that is shipped for /etc/cron.d, fired by a real cron at half past three, at a rack of 16
# simulated BMCs: the rack is rebooted in waves of four, once a night, silently; what goes wrong is
# one mail.  The line itself is never touched: only PATH leads to the programs that were built, and
# POWERCTL_SOCKET to the agent that is tested.

bats_require_minimum_version 1.5.0

setup_file() {
    export build=${POWERCTL_BUILD:-$BATS_TEST_DIRNAME/../../build}
    export agent_dir=$BATS_FILE_TMPDIR crond_dir=$BATS_FILE_TMPDIR/cron
    unset SUDO_USER
    export TZ=UTC
    source "$BATS_TEST_DIRNAME/../lib/agent.bash"
    "$build/peers/bmc_farm" --first 127.1.17.1 --count 16 --port 0 --control "$agent_dir/farm" \
        --truth "$agent_dir/truth" --user ops --password tinsel >"$agent_dir/farm.out" 3>&- &
    echo $! >"$agent_dir/farm.pid"
    wait_for 10 grep -q listening "$agent_dir/farm.out"
    agent_secret bmc tinsel
    cat >"$agent_dir/powerctl.yaml" <<END
credentials: { bmc: { user: ops, password_file: $agent_dir/secrets/bmc } }
devices:
  b[01-16]: { driver: ipmi, host: "127.1.17.[1-16]", port: $(awk '{ print $4 }' "$agent_dir/farm.out"), credentials: bmc }
nodes:
  n[01-16]: { power: "b[01-16]", next_boot: "b[01-16]", up: none }
groups: { rack3: "n[01-16]" }
limits: { power_on_per_second: 1000 }
deadlines: { command: 3, off: 1, on: 3, soft_off: 1, dwell: 0, settle: 0.1 }
$(agent_part)
END
    agent_start
    mkdir -p "$crond_dir/cron.d"
    : >"$crond_dir/runs"
}

teardown_file() {
    source "$BATS_TEST_DIRNAME/../lib/agent.bash"
    agent_stop
    kill "$(cat "$agent_dir/farm.pid")"
}

setup() {
    source "$BATS_TEST_DIRNAME/../lib/agent.bash"
    source "$BATS_TEST_DIRNAME/../lib/crond.bash"
    crond_can_run || skip "needs root, cron and libfaketime"
    shipped=$BATS_TEST_DIRNAME/../../config/cron/powerctl-reboot-rack3
    crond_wrap "$build/powerctl"
    sed "s|^PATH=.*|PATH=$crond_dir/bin:/usr/bin:/bin\nPOWERCTL_SOCKET=$POWERCTL_SOCKET|" \
        "$shipped" >"$crond_dir/cron.d/powerctl-reboot-rack3"
    rm -rf "$crond_dir/mails"
    farm all clear
    farm all power on
    : >"$agent_dir/truth"
}

farm() {
    "$build/peers/bmc_farm" --send "$agent_dir/farm" "$@" >/dev/null
}

edges() {
    grep -c "edge $1" "$agent_dir/truth" || true
}

# By the BMCs' own log: how many were off at one time, and whether a node of a later wave went off
# while one of an earlier wave was not on again. Nodes are n01 to n16, waves n01-n04 and so on.
waves_of_four() {
    awk '
        $4 == "edge" {
            wave = int((substr($3, 2) - 1) / 4)
            if ($5 == "off") {
                off[wave]++
                if (++dark > 4) bad = "more than four are off"
                for (other in off)
                    if (other != wave && off[other] != on[other]) bad = $3 " went off too early"
            } else {
                on[wave]++
                dark--
            }
        }
        END { if (bad) print bad; exit bad != "" }' "$agent_dir/truth"
}

mail() {
    cat "$crond_dir"/mails/*
}

last_exit() {
    tail -n 1 "$crond_dir/runs"
}

@test "the line under test is the line that is shipped" {
    line=$(grep -v '^#' "$shipped" | grep powerctl)
    [[ $line == *'powerctl reboot @rack3 --batch 4 --max-failures 2 --max-nodes 40 --key rack3-$(date +\%F) --quiet' ]]
    grep -qxF "$line" "$crond_dir/cron.d/powerctl-reboot-rack3"
    diff <(grep -v '^PATH=' "$shipped") \
        <(grep -v -e '^PATH=' -e '^POWERCTL_SOCKET=' "$crond_dir/cron.d/powerctl-reboot-rack3")
}

@test "fired by cron: the rack is rebooted in waves of four, and nobody gets mail" {
    crond_date 2026-11-23
    crond_fire '2026-11-23 03:30'
    [ "$(last_exit)" -eq 0 ]
    [ "$(edges off)" -eq 16 ]
    [ "$(edges on)" -eq 16 ]
    waves_of_four
    [ "$(crond_mails)" -eq 0 ]
    run "$build/powerctl" history n16 --since 1h
    [[ $output == *"reboot n[01-16] by root (uid 0)"*"n16 ok: "* ]]
}

@test "fired again in the same night: nothing is done, and nobody gets mail" {
    crond_date 2026-11-23
    crond_fire '2026-11-23 03:30'
    [ "$(last_exit)" -eq 0 ]
    [ ! -s "$agent_dir/truth" ]
    [ "$(crond_mails)" -eq 0 ]
}

@test "fired again after the agent was killed: the key is known, nothing is done" {
    kill -KILL "$(cat "$agent_dir/pid")"
    agent_start
    crond_date 2026-11-23
    crond_fire '2026-11-23 03:30'
    [ "$(last_exit)" -eq 0 ]
    [ ! -s "$agent_dir/truth" ]
    [ "$(crond_mails)" -eq 0 ]
}

@test "two failures in a wave stop the line: later waves are not started, one mail says so" {
    farm n06 ignore on
    farm n07 dead on
    : >"$agent_dir/truth"
    crond_date 2026-11-24
    crond_fire '2026-11-24 03:30'
    [ "$(last_exit)" -eq 1 ]
    [ "$(edges off)" -eq 6 ]
    [ "$(edges on)" -eq 6 ]
    run ! grep -E ' n(09|1[0-6]) ' "$agent_dir/truth"
    [ "$(crond_mails)" -eq 1 ]
    mail
    [[ $(mail) == *$'\n\npowerctl: reboot n[01-16]: 2 of 16 failed, 8 not started (key rack3-2026-11-24, job J'*')'* ]]
    [[ $(mail) == *'POWER_FAILED: '*'  n06: '* ]]
    [[ $(mail) == *'UNREACHABLE: '*'  n07: '* ]]
    [[ $(mail) == *'Not started, because the line was stopped after too many failures: n[09-16]'* ]]
    [[ $(mail) == *'More: powerctl job J'* ]]
    # Plain text: no control character but the ends of lines.
    run ! bash -c "cat $crond_dir/mails/* | LC_ALL=C grep '[^[:print:]]'"
}

@test "overlap: exit 6, the mail says whose job it is, and the key is not used up" {
    farm n03 ignore-soft on
    job=$("$build/powerctl" soft n03 --grace 10m --no-wait)
    crond_date 2026-11-25
    crond_fire '2026-11-25 03:30'
    [ "$(last_exit)" -eq 6 ]
    [ "$(crond_mails)" -eq 1 ]
    [[ $(mail) == *"powerctl: n03 is busy with job $job (soft by root (uid 0), running for "*'): nothing was done'* ]]
    "$build/powerctl" cancel "$job" -q
    run "$build/powerctl" job "$job" --follow --quiet
    farm n03 clear
    farm all power on
    rm -rf "$crond_dir/mails"
    : >"$agent_dir/truth"
    crond_fire '2026-11-25 03:30'
    [ "$(last_exit)" -eq 0 ]
    [ "$(edges on)" -eq 16 ]
    [ "$(crond_mails)" -eq 0 ]
}

@test "a locked node: exit 6, the mail says by whom and why, nothing is done to any" {
    "$build/powerctl" lock n09 --reason 'broken DIMM' --until 2h -q
    crond_date 2026-11-26
    crond_fire '2026-11-26 03:30'
    [ "$(last_exit)" -eq 6 ]
    [ ! -s "$agent_dir/truth" ]
    [ "$(crond_mails)" -eq 1 ]
    [[ $(mail) == *'powerctl: n09 is locked by root (uid 0) since '*', until '*': broken DIMM. Nothing was done.'* ]]
    "$build/powerctl" unlock n09 -q
}

@test "no agent: exit 3, and the mail is one clear line" {
    agent_stop
    crond_date 2026-11-27
    crond_fire '2026-11-27 03:30'
    [ "$(last_exit)" -eq 3 ]
    [ "$(crond_mails)" -eq 1 ]
    [ "$(mail | sed '1,/^$/d' | wc -l)" -eq 1 ]
    [[ $(mail) == *"powerctl: no agent answers at $POWERCTL_SOCKET"* ]]
    agent_start
}

@test "the timer and its service are units that systemd takes" {
    command -v systemd-analyze || skip "needs systemd-analyze"
    units=$BATS_TEST_TMPDIR
    for unit in "$BATS_TEST_DIRNAME"/../../config/cron/powerctl-reboot@.*; do
        sed "s|/usr/local/bin/powerctl|$build/powerctl|" "$unit" \
            >"$units/$(basename "${unit/@/@rack3}")"
    done
    run systemd-analyze verify --man=no "$units"/powerctl-reboot@rack3.{service,timer}
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    # It is the same command: $$ and %% are what systemd leaves of $ and %.
    command=$(sed -n "s/^ExecStart=.*powerctl \(.*\)' sh %i$/\1/p" "$units/powerctl-reboot@rack3.service")
    [ "$command" = 'reboot "@$$1" --batch 4 --max-failures 2 --max-nodes 40 --key "$$1-$$(date +%%F)" --quiet' ]
}
