#!/bin/bash
# fz.sh target seconds
cd /tmp/fz; t=$1
ASAN_OPTIONS=detect_odr_violation=0 exec taskset -c 0 nice -n 19 ./$t c/$t seeds/$t -max_total_time=$2 -max_len=4096 -print_final_stats=1 -artifact_prefix=/tmp/fz/crash-$t- > log.$t.$(date +%s) 2>&1
