# bash completion for powerctl and netboot-now.
# Install as /usr/share/bash-completion/completions/powerctl (and a link, netboot-now).

_powerctl_nodes()
{
    local word=$1
    # Node names only come from a running agent; without one there is nothing to offer.
    mapfile -t COMPREPLY < <(compgen -W \
        "$(powerctl nodes --expand '*' 2>/dev/null | head -n 2000)" -- "$word")
}

_powerctl_outlets()
{
    mapfile -t COMPREPLY < <(compgen -W \
        "$(powerctl outlets --expand 2>/dev/null | head -n 2000 |
            if [[ $1 == pdus ]]; then cut -d/ -f1 | uniq; else cat; fi)" -- "$2")
}

_powerctl()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=netboot i
    local commands='status on off cycle reset soft diag identify next-boot reboot netboot check outlets outlet
        plan
        nodes watch history lock unlock locks jobs job cancel config version help'
    local common='--quiet --no-color --socket --help'
    local show="$common --format"
    local job="$show --exclude --progress --timeout --yes --max-nodes --key --no-wait
        --with-lock --for"
    local waves="$job --batch --max-failures"
    local fed="$waves --feeds"

    case $before in
    --format) mapfile -t COMPREPLY < <(compgen -W 'table json jsonl csv nodeset' -- "$word"); return ;;
    --progress) mapfile -t COMPREPLY < <(compgen -W 'auto tty plain json none' -- "$word"); return ;;
    --socket) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --timeout|--grace) mapfile -t COMPREPLY < <(compgen -W '30s 5m 30m' -- "$word"); return ;;
    --until|--since) mapfile -t COMPREPLY < <(compgen -W '2h 1d 18:00' -- "$word"); return ;;
    --max-nodes|--key|--retry|--batch|--max-failures|--seconds|--reason|--for|--limit|-n) return ;;
    --exclude|-x) _powerctl_nodes "$word"; return ;;
    esac

    if [[ ${COMP_WORDS[0]##*/} == powerctl ]]; then
        command=
        for ((i = 1; i < COMP_CWORD; i++)); do
            case ${COMP_WORDS[i]} in
            -*) ;;
            *) command=${COMP_WORDS[i]}; break ;;
            esac
        done
        if [[ -z $command ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$commands $show --version" -- "$word")
            return
        fi
    fi

    if [[ $word == -* ]]; then
        local options=$show
        case $command in
        status) options="$show --exclude --progress --timeout --feeds" ;;
        on|off) options=$fed ;;
        reset|outlet) options=$waves ;;
        check) options="$show --exclude --progress --timeout" ;;
        outlets) options="$show --progress --timeout --expand" ;;
        cycle) options="$fed --native" ;;
        soft) options="$waves --grace" ;;
        diag|next-boot) options=$job ;;
        identify) options="$job --seconds --stop" ;;
        reboot) options="$fed --grace --netboot --retry" ;;
        netboot) options="$fed --retry" ;;
        plan) options="$common --exclude --batch --max-failures --retry --grace --netboot --native
            --seconds --stop --feeds" ;;
        nodes) options="$show --exclude --expand" ;;
        watch) options="$show --exclude --timeout" ;;
        jobs) options="$show --all" ;;
        history) options="$show --exclude --all --since --limit" ;;
        lock) options="$show --exclude --reason --until --steal --for" ;;
        unlock) options="$show --exclude --steal --for" ;;
        locks) options="$show --exclude" ;;
        job) options="$show --progress --timeout --follow" ;;
        cancel|config|version|help) options=$common ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
        return
    fi

    case $command:$before in
    next-boot:next-boot) mapfile -t COMPREPLY < <(compgen -W 'network disk bios none' -- "$word") ;;
    plan:plan) mapfile -t COMPREPLY < <(compgen -W 'on off cycle reset soft diag identify next-boot
        reboot netboot status check' -- "$word") ;;
    help:help) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word") ;;
    config:config) mapfile -t COMPREPLY < <(compgen -W check -- "$word") ;;
    outlets:outlets) _powerctl_outlets pdus "$word" ;;
    outlets:*) ;;
    outlet:outlet) mapfile -t COMPREPLY < <(compgen -W 'on off cycle' -- "$word") ;;
    outlet:*) _powerctl_outlets outlets "$word" ;;
    config:check) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    job:*|cancel:*) mapfile -t COMPREPLY < <(compgen -W \
        "$(powerctl jobs --format nodeset 2>/dev/null)" -- "$word") ;;
    jobs:*|version:*|help:*|config:*) ;;
    *) _powerctl_nodes "$word" ;;
    esac
}

complete -F _powerctl powerctl netboot-now
