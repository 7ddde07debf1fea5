# count.awk - holds what a tool said against the farm's books; prints JSON members.
#
#   awk -f count.awk -v job=status|netboot ADDRESSES DUMP ANSWERS
#
# ADDRESSES: who was asked.  DUMP: the farm's, after it (tests/peers/bmc_farm/report.c).
# ANSWERS: "SECONDS ADDRESS on|off|ok|failed"; an address of ? is one that was not told.
#
#   live     of those asked             last_s   when the last of them was answered
#   wrong    said and not so            unsure   live, and no answer, or an error
#   twice    started more than once     left     BMCs with a session nobody closed
FNR == 1 { file++ }
file == 1 { order[++asked_count] = $1; asked[$1] = 1; next }
file == 2 {
    if (!($1 in asked))
        next
    power[$1] = $2
    live[$1] = $3 == "live"
    done[$1] = $4 >= 1 && $7 >= 1 # a chassis control, and a boot from the network
    states[$2] += live[$1]
    alive += live[$1]
    twice += $4 > 1
    left += $10 > 0
    packets += $8
    next
}
$2 == "?" { unnamed++; seen[$3]++; last = $1 > last ? $1 : last; next }
!($2 in asked) || $2 in answer { wrong++; next }
{
    answer[$2] = $3
    if ($3 == "failed")
        next
    if (!live[$2] || (job == "status" ? $3 != power[$2] : !done[$2]))
        wrong++
    if (live[$2] && $1 > last)
        last = $1
}
END {
    for (i = 1; i <= asked_count && !unnamed; i++)
        if (live[order[i]] && (!(order[i] in answer) || answer[order[i]] == "failed"))
            unsure++
    for (state in states)
        if (unnamed) {
            difference = states[state] - seen[state]
            if (difference > 0) unsure += difference
            else wrong -= difference
        }
    printf "\"live\":%d,\"last_s\":%.6f,\"wrong\":%d,\"unsure\":%d,\"twice\":%d,\"left\":%d,\"packets\":%d", \
        alive, last, wrong, unsure, twice, left, packets
}
