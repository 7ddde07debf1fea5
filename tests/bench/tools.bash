# tools.bash - the tools a bench compares: how each does a job, and what its output says.
#
# A tool is three functions, by job (status, netboot): prepare_TOOL_JOB, before the clock starts;
# run_TOOL_JOB, which runs the tool under `timed`; read_TOOL_JOB, which makes its output (each
# line behind the seconds since the start) into "SECONDS ADDRESS on|off|ok|failed".
# Whom to ask is in $work/addresses, which devices are there besides in $work/unasked (an agent tells
# its driver all of them once, whomever it asks later); how many milliseconds a BMC is waited for in $budget.
#
# shellcheck shell=bash disable=SC2317,SC2154

# timed COMMAND...: on the processor of the tools; prints what it cost, as JSON.
timed() {
    "${tool_cpu[@]}" "$build/bench/measure" "$work/output" "$@" 2>"$work/errors"
}

# --- our driver, in JSON lines. Request N is for the Nth address.

# orders OP MEMBERS
orders() {
    awk '{ printf "{\"device\":\"b%d\",\"settings\":{\"host\":\"%s\",\"credentials\":\"bmc\",\"cipher_suites\":\"3\"}}\n", NR, $1 }' \
        "$work/addresses" "$work/unasked"
    requests 0 "$@"
}

# requests ID-OFFSET OP MEMBERS
requests() {
    awk -v offset="$1" -v op="$2" -v members=",\"budget_ms\":$budget$3" \
        '{ printf "{\"id\":%d,\"device\":\"b%d\",\"op\":\"%s\"%s}\n", NR + offset, NR, op, members }' \
        "$work/addresses"
}

prepare_ours_status() {
    orders power-status '' >"$work/orders"
}
run_ours_status() {
    timed "$build/powerctl-driver-ipmi" <"$work/orders" 3<"$work/secrets"
}
read_ours_status() {
    awk 'NR == FNR { address[NR] = $1; next }
        match($0, /"id":[0-9]+/) {
            id = substr($0, RSTART + 5, RLENGTH - 5) + 0
            word = match($0, /"power":"[a-z]+"/) ? substr($0, RSTART + 9, RLENGTH - 10) : "failed"
            print $1, address[id], word
        }' "$work/addresses" "$work/output"
}

# Next boot, its session kept for what follows; and the cycle once it was acknowledged, which
# `feed` orders as the agent would.
prepare_ours_netboot() {
    orders next-boot-set ',"boot_device":"network","firmware":"legacy","keep_ms":10000' >"$work/orders"
    requests "$(wc -l <"$work/addresses")" power-cycle '' >"$work/follow"
}
run_ours_netboot() {
    timed "$build/bench/feed" "$work/follow" "$build/powerctl-driver-ipmi" \
        <"$work/orders" 3<"$work/secrets"
}
read_ours_netboot() {
    awk 'NR == FNR { address[NR] = $1; n = NR; next }
        match($0, /"id":[0-9]+/) {
            id = substr($0, RSTART + 5, RLENGTH - 5) + 0
            ok = $0 ~ /"result":"ok"/
            if (id > n) print $1, address[id - n], ok ? "ok" : "failed"
            else if (!ok) print $1, address[id], "failed"
        }' "$work/addresses" "$work/output"
}

# --- FreeIPMI

freeipmi() {
    hosts=$(paste -sd, "$work/addresses")
    freeipmi=(-D LAN_2_0 -I 3 -u ops -p tinsel "--session-timeout=$budget" -h "$hosts")
}

prepare_ipmipower_status() {
    freeipmi
}
run_ipmipower_status() {
    timed ipmipower "${freeipmi[@]}" --stat
}
read_ipmipower_status() {
    awk '$2 ~ /:$/ { sub(/:$/, "", $2); print $1, $2, $3 ~ /^(on|off|ok)$/ && NF == 3 ? $3 : "failed" }' \
        "$work/output"
}

# The pair as it comes, and with as many threads as ipmi-config takes. What ipmi-config did not
# do shows in the farm's books.
prepare_pair_netboot() {
    freeipmi
}
run_pair_netboot() {
    # shellcheck disable=SC2016 # expanded in there
    timed bash -c 'width=$1; shift
        ipmi-config ${width:+-F "$width"} "$@" --category=chassis --commit \
            -e Chassis_Boot_Flags:Boot_Device=PXE >/dev/null
        exec ipmipower "$@" --cycle --on-if-off' bash "${1-}" "${freeipmi[@]}"
}
read_pair_netboot() {
    read_ipmipower_status
}
prepare_wide_pair_netboot() {
    freeipmi
}
run_wide_pair_netboot() {
    run_pair_netboot 1024
}
read_wide_pair_netboot() {
    read_ipmipower_status
}

# --- ipmitool: a process for each. It does not say whose answer it is, so that only how many
# of each there are can be held against the truth.

prepare_ipmitool_status() {
    true
}
run_ipmitool_status() {
    timed xargs -P 64 -I{} ipmitool -I lanplus -C 3 -H {} -U ops -P tinsel power status \
        <"$work/addresses"
}
read_ipmitool_status() {
    awk '/ is (on|off)$/ { print $1, "?", $NF }' "$work/output"
}
