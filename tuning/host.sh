#!/usr/bin/env bash
# What the host should be like for quiet cores: says, sets and sets back.
#
#   host.sh check  --cores 2-5           what differs, and what only a reboot can change; no root
#   host.sh apply  --cores 2-5           sets what can be set now, and records what it was
#   host.sh revert                       sets back what apply recorded
#
#   --cores LIST      the tiles' cores, as in the key `cores` (2-5 or 2,3,4,5)
#   --huge-pages N    reserve N huge pages too (default: leave them as they are)
#   --root DIR        work on the /sys and /proc below DIR (for tests)
#
# Exit code: 0 as it should be, 1 something differs or could not be set, 2 usage.
# A setting is written only where it differs, is recorded before it is written, and is read back.
# Nothing outlives a reboot.
set -euo pipefail
shopt -s nullglob

usage() {
    sed -n '2,15s/^# \{0,1\}//p' "$0"
    exit 2
}

die() {
    echo "host.sh: $1" >&2
    exit "${2:-1}"
}

verb=${1:-}
[[ $verb == check || $verb == apply || $verb == revert ]] || usage
shift
cores='' huge_pages='' root=''
while (($#)); do
    (($# >= 2)) || die "$1 needs a value" 2
    case $1 in
        --cores) cores=$2 ;;
        --huge-pages) huge_pages=$2 ;;
        --root) root=${2%/} ;;
        *) die "unknown option $1; run host.sh without arguments for help" 2 ;;
    esac
    shift 2
done
[[ -z $cores || $cores =~ ^[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*$ ]] ||
    die "--cores takes a list like 2-5 or 2,3,4,5, not '$cores'" 2
[[ -z $huge_pages || $huge_pages =~ ^[0-9]{1,9}$ ]] ||
    die "--huge-pages takes a count, not '$huge_pages'" 2

state=$root/var/lib/undertow/host.state
differs=0

# ---- lists and masks of cores ------------------------------------------------------------------

# 0-2,5 -> one core a line.
expand() {
    local part
    for part in ${1//,/ }; do
        seq "${part%-*}" "${part#*-}"
    done
}

# Cores, one a line -> 0,1,2.
join() {
    paste -sd, -
}

# Cores that are on line and not the tiles': the rest of the machine lives there.
others() {
    comm -23 <(expand "$(<"$root/sys/devices/system/cpu/online")" | sort) \
        <(expand "$cores" | sort) | sort -n
}

# Cores, one a line -> the kernel's mask: words of 32 bits in hexadecimal, the highest first.
mask() {
    local -a words=(0)
    local core word text=''
    while read -r core; do
        word=$((core / 32))
        while ((${#words[@]} <= word)); do words+=(0); done
        ((words[word] |= 1 << (core % 32))) || true
    done
    for word in "${words[@]}"; do
        text=$(printf '%08x' "$word")${text:+,$text}
    done
    echo "$text"
}

# ---- settings ----------------------------------------------------------------------------------

# The value in force. Where the kernel lists all and brackets the one in force, that one.
value_of() {
    local text
    text=$(<"$1") || return 1
    if [[ $text =~ \[([^]]+)\] ]]; then text=${BASH_REMATCH[1]}; fi
    echo "$text"
}

# Whether two values mean the same: masks may differ in leading zeros, lists in their notation.
same() {
    [[ $1 == "$2" ]] && return 0
    case $3 in
        mask) [[ $(sed 's/,//g; s/^0*//' <<<"$1") == "$(sed 's/,//g; s/^0*//' <<<"$2")" ]] ;;
        list) [[ $(expand "$1" | join) == "$(expand "$2" | join)" ]] ;;
        *) return 1 ;;
    esac
}

# put PATH VALUE WHY [KIND]: one setting, said by check and set by apply.
put() {
    local path=$root/$1 wanted=$2 why=$3 kind=${4:-text} found
    [[ -e $path ]] || return 0
    found=$(value_of "$path" 2>/dev/null) || { echo "skip    $1: cannot be read"; return 0; }
    if same "$found" "$wanted" "$kind"; then
        echo "ok      $1 = $found"
    elif [[ $verb == check ]]; then
        echo "differs $1 = $found, better $wanted ($why)"
        differs=1
    else
        change "$path" "$1" "$found" "$wanted" "$kind"
    fi
}

# Records what was found and what is set. Only the first value ever found is the host's own: a
# second apply keeps it and replaces what is set.
record() {
    local name=$1 found=$2 wanted=$3 kind=$4 first
    first=$(awk -F '\t' -v name="$name" '$1 == name { print $2 }' "$state" 2>/dev/null || true)
    {
        awk -F '\t' -v name="$name" '$1 != name' "$state" 2>/dev/null || true
        printf '%s\t%s\t%s\t%s\n' "$name" "${first:-$found}" "$wanted" "$kind"
    } >"$state.new"
    # Renamed, so that an interruption leaves the old record or the new one, never half of one.
    mv -- "$state.new" "$state"
}

# Records, writes, reads back. An interrupt of a fixed core refuses; that is said and passed over.
change() {
    local path=$1 name=$2 found=$3 wanted=$4 kind=$5 now
    record "$name" "$found" "$wanted" "$kind"
    if ! (echo "$wanted" >"$path") 2>/dev/null; then
        echo "refused $name = $found, the kernel does not take $wanted"
        [[ $name == proc/irq/* ]] || differs=1
        return 0
    fi
    now=$(value_of "$path")
    if same "$now" "$wanted" "$kind"; then
        echo "set     $name = $wanted (was $found)"
    else
        echo "refused $name = $now, not $wanted"
        differs=1
    fi
}

settings() {
    local path
    for path in "$root"/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor; do
        put "${path#"$root"/}" performance 'a core that slows down when idle wakes up slow'
    done
    put sys/kernel/mm/transparent_hugepage/enabled madvise 'huge pages for those who ask only'
    put sys/kernel/mm/transparent_hugepage/khugepaged/defrag 0 'no compaction behind our back'
    put proc/sys/kernel/numa_balancing 0 'page faults made on purpose to see who uses what'
    put proc/sys/kernel/nmi_watchdog 0 'an interrupt on every core, and a hardware counter'
    put proc/sys/vm/stat_interval 120 'the kernel counts pages on every core once a second'
    put proc/sys/vm/swappiness 1 'hot pages stay in memory'
    if [[ -n $huge_pages ]]; then
        put proc/sys/vm/nr_hugepages "$huge_pages" 'asked for with --huge-pages'
    fi
    [[ -n $cores ]] && quiet_cores
    return 0
}

# What needs to know the tiles' cores: interrupts and kernel work go to the others.
quiet_cores() {
    local rest path
    rest=$(others)
    [[ -n $rest ]] || die "--cores $cores leaves no core for the rest of the machine"
    put proc/irq/default_smp_affinity "$(mask <<<"$rest")" 'new interrupts elsewhere' mask
    put sys/devices/virtual/workqueue/cpumask "$(mask <<<"$rest")" 'kernel work elsewhere' mask
    for path in "$root"/proc/irq/[0-9]*/smp_affinity_list; do
        put "${path#"$root"/}" "$(join <<<"$rest")" 'interrupts elsewhere' list
    done
}

# ---- what only the boot loader or a unit can set -----------------------------------------------

hints() {
    local line parameter slack comm
    line=" $(cat "$root/proc/cmdline" 2>/dev/null || true) "
    for parameter in isolcpus nohz_full rcu_nocbs; do
        if [[ $line == *" $parameter="* ]]; then
            echo "ok      boot: $parameter is given"
        else
            echo "boot    add $parameter=${cores:-<the tiles cores>} to the kernel's command line"
        fi
    done
    slack=$(cat "$root/proc/self/timerslack_ns" 2>/dev/null || echo unknown)
    echo "unit    timer slack is $slack ns here; undertow.service sets 1 (TimerSlackNSec)"
    for comm in "$root"/proc/[0-9]*/comm; do
        if [[ $(cat "$comm" 2>/dev/null || true) == irqbalance ]]; then
            echo "service irqbalance moves interrupts back: systemctl disable --now irqbalance"
        fi
    done
}

# ---- verbs -------------------------------------------------------------------------------------

need_root() {
    [[ -n $root || $EUID == 0 ]] || die "$verb needs root: sudo tuning/host.sh $verb"
}

revert() {
    local name old new kind found
    [[ -s $state ]] || { echo "nothing to revert: $state is absent or empty"; return 0; }
    # The last change is undone first.
    while IFS=$'\t' read -r name old new kind; do
        if [[ ! -e $root/$name ]]; then
            echo "gone    $name"
            continue
        fi
        found=$(value_of "$root/$name")
        if same "$found" "$old" "$kind"; then
            echo "ok      $name = $found"
        elif ! same "$found" "$new" "$kind"; then
            echo "left    $name = $found: somebody else changed it since"
        elif (echo "$old" >"$root/$name") 2>/dev/null; then
            echo "back    $name = $old"
        else
            echo "refused $name = $found, the kernel does not take $old back"
            differs=1
        fi
    done < <(tac "$state")
    ((differs)) || rm -- "$state"
}

case $verb in
    check)
        settings
        hints
        ;;
    apply)
        need_root
        [[ -n $cores ]] || echo "note    without --cores interrupts stay where they are"
        mkdir -p -- "${state%/*}"
        settings
        hints
        ;;
    revert)
        need_root
        revert
        ;;
esac
exit "$differs"
